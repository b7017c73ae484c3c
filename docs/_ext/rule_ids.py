"""Sphinx extension: the ids of the contract of claims, [CL-4.2], are places in its page, and links to them elsewhere.

In Markdown they are plain text in brackets, so that GitHub and an editor show them as well. On the page of the contract
each becomes a target, claims.html#cl-4-2; on every other page, [CL-4.2] or the text CL-4.2 of a table's cell becomes a
link to it. Ids in code are left as they are.
"""
import re

from docutils import nodes
from sphinx.addnodes import pending_xref

CONTRACT = "hypervisor-guide/mm/claims"
ID = re.compile(r"\[?\b(CL-\d+\.\d+[a-z]?)\b\]?")


def place(name):
    return name.lower().replace(".", "-")


def shown(name):
    return nodes.inline("", name, classes=["rule-id"])


def replacement(env, name, defined):
    if env.docname == CONTRACT and name not in defined:
        defined.add(name)
        env.get_domain("std").anonlabels[place(name)] = env.docname, place(name)
        return nodes.target("", "", shown(name), ids=[place(name)])
    link = pending_xref("", shown(name), refdomain="std", reftype="ref", reftarget=place(name), refexplicit=True,
                        refwarn=True, refdoc=env.docname)
    return nodes.inline("", "", link, classes=["rule-link"])


def replace(app, doctree):
    # The introduction of the contract names one as an example; the ids themselves begin with the terms.
    defined = set()
    texts = list(doctree.findall(nodes.Text))
    begun = app.env.docname != CONTRACT
    for text in texts:
        begun = begun or text.startswith("Terms:")
        code = isinstance(text.parent, (nodes.literal, nodes.literal_block, nodes.target, nodes.title))
        if not begun or code or not ID.search(text):
            continue
        parts, end = [], 0
        for match in ID.finditer(text):
            parts += [nodes.Text(text[end:match.start()]), replacement(app.env, match.group(1), defined)]
            end = match.end()
        text.parent.replace(text, parts + [nodes.Text(text[end:])])


def setup(app):
    app.connect("doctree-read", replace)
    return {"parallel_read_safe": True}
