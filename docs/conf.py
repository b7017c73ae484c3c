# Sphinx's settings for Homestead's documentation. docs/build.py prepares the pages and runs Sphinx on them.
import pathlib
import re
import sys

DOCS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / "_ext"))

project = "Homestead"
author = "the authors of Homestead"
copyright = author
release = version = re.search(r"Homestead (\d[\d.]*) - ", (DOCS.parent / "boot/main.c").read_text()).group(1)

extensions = ["myst_parser", "sphinxcontrib.mermaid", "sphinxcontrib.rsvgconverter", "diagrams", "tables",
              "rule_ids", "debian_furo"]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 4
highlight_language = "text"
smartquotes = False  # options and code keep their quotes and hyphens

# Diagrams: docs/mermaid.py runs mermaid-cli.
mermaid_cmd = str(DOCS / "mermaid.py")
mermaid_output_format = "svg"
mermaid_version = ""  # no script in the page
mermaid_init_js = ""

html_theme = "furo"
html_title = f"Homestead {release}"
html_static_path = [str(DOCS / "_static")]
html_css_files = ["homestead.css"]
html_copy_source = False
html_use_index = False  # there is no index, but a search
pygments_style = "codestyle.Light"
pygments_dark_style = "github-dark"

epub_title = html_title
epub_show_urls = "no"
epub_css_files = ["epub.css"]
epub_exclude_files = ["search.html"]

latex_engine = "xelatex"
latex_use_xindy = False
latex_toplevel_sectioning = "part"
latex_show_urls = "no"
latex_documents = [("index", "homestead.tex", "Homestead", author, "manual")]
latex_elements = {
    "papersize": "a4paper",
    "pointsize": "10pt",
    "extraclassoptions": "openany,oneside",
    "fncychap": "",
    "polyglossia": "",
    "babel": "",
    "fontpkg": r"""
\usepackage{fontspec}
\setmainfont{Liberation Serif}
\setsansfont{Liberation Sans}
\setmonofont[Scale=0.9,HyphenChar=None]{Liberation Mono}
""",
    "sphinxsetup": "hmargin={22mm,22mm}, vmargin={24mm,24mm}, inlineliteralwraps=true, verbatimwithframe=false, "
                   "VerbatimColor={RGB}{245,245,245}, verbatimvisiblespace={}",
    "fvset": r"\fvset{fontsize=\footnotesize}",
    # Long names break after an underscore. Two characters are no letters of the font: the place where docs/_ext/tables.py
    # lets a line end, and the space that indents a row of a table.
    "preamble": r"""
\let\plainunderscore\_
\renewcommand{\_}{\plainunderscore\allowbreak}
\catcode"200B=\active \def^^^^200b{\hskip0pt\relax}
\catcode"2003=\active \def^^^^2003{\hspace*{1em}}
\AtBeginEnvironment{longtable}{\footnotesize\sloppy\hyphenpenalty=10000\renewcommand{\arraystretch}{1.15}}
\newcolumntype{\X}[2]{>{\raggedright\arraybackslash\hspace{0pt}}%
    p{\dimexpr(\linewidth-\arrayrulewidth)*#1/#2-2\tabcolsep-\arrayrulewidth\relax}}
\renewcommand{\sphinxstyletheadfamily}{\sffamily\bfseries}
\setcounter{tocdepth}{1}
\expandafter\newcommand\csname DUrolerule-id\endcsname[1]{{\scriptsize\sffamily\textcolor{gray}{#1}}}
\setcounter{secnumdepth}{-1}
\setlength{\emergencystretch}{3em}
""",
}
