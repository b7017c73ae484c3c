#!/usr/bin/python3
"""tools/guest-logs.py: logs and display of a serial line's bytes, in pieces of any size. Prints what cmocka would print
(tools/run-unit.py)."""
import importlib.util
import pathlib
import random
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import cmocka  # noqa: E402

TOOL = pathlib.Path(__file__).resolve().parents[3] / "tools/guest-logs.py"
spec = importlib.util.spec_from_file_location("guest_logs", TOOL)
guest_logs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guest_logs)

CREATED = "@guest domain=1 event=created code=0 name=web\r\n@guest domain=2 event=created code=0 name=db\r\n"


def split(text, sizes=(100000,)):
    """(what is shown, the logs) of that text, which comes in pieces of these sizes."""
    shown, text = [], text.encode("latin-1")
    with tempfile.TemporaryDirectory() as directory:
        splitter = guest_logs.Splitter(directory, shown.append)
        while text:
            for size in sizes:
                splitter.feed(text[:size])
                text = text[size:]
        splitter.end()
        logs = {path.name: path.read_bytes() for path in pathlib.Path(directory).iterdir()}
    return b"".join(shown).decode("latin-1"), logs


class Logs(unittest.TestCase):
    def test_lines_of_others_are_shown_as_they_are(self):
        text = CREATED + "hv line\r\n\r\n@outside a=1\r\n@o\r\n\x1b[2Jno end"
        self.assertEqual(split(text), (text, {}))

    def test_text_becomes_lines_and_a_log(self):
        shown, logs = split(CREATED + '@output domain=1 text="one%0d%0atw"\r\nhv\r\n@output domain=1 text="o%0a"\r\n')
        self.assertEqual(shown, CREATED + "(d1) one\r\nhv\r\n(d1) two\r\n")
        self.assertEqual(logs, {"web.log": b"one\r\ntwo\n"})

    def test_every_byte_is_in_the_log_and_no_control_character_is_shown(self):
        quoted = "".join(f"%{i:02x}" for i in range(256))
        shown, logs = split(CREATED + f'@output domain=2 text="{quoted}"\r\n')
        self.assertEqual(logs, {"db.log": bytes(range(256))})
        self.assertEqual(shown, CREATED + "(d2) \t\r\n(d2) " + "".join(map(chr, range(32, 127))) + "\xa0"
                         + "".join(map(chr, range(0xa1, 0xc0))) + "\r\n(d2) " + "".join(map(chr, range(0xc0, 256))) + "\r\n")

    def test_long_lines_are_divided(self):
        shown, _ = split("".join(f'@output domain=1 text="{"x" * 90}"\r\n' for _ in range(3)) + '@output domain=1 text="%0a"\r\n')
        self.assertEqual(shown, f"(d1) {'x' * 127}\r\n(d1) {'x' * 127}\r\n(d1) {'x' * 16}\r\n")

    def test_raw_is_shown_as_it_is(self):
        shown, logs = split(CREATED + '@output domain=1 text="log%0ain: "\r\n@output domain=1 raw=""\r\n'
                            '@output domain=1 raw="%1b[1mroot%0d%0a"\r\n@output domain=1 raw="# "\r\nhv line\r\n'
                            '@output domain=1 raw="# "\r\n@output domain=2 text="x%0a"\r\n')
        self.assertEqual(shown, CREATED + "(d1) log\r\nin: \x1b[1mroot\r\n# \r\nhv line\r\n# \r\n(d2) x\r\n")
        self.assertEqual(logs, {"web.log": b"log\nin: \x1b[1mroot\r\n# # ", "db.log": b"x\n"})

    def test_a_frame_that_a_message_cut_off_counts_once(self):
        shown, logs = split(CREATED + '@output domain=1 text="hel\r\nwarning: hv\r\n@output domain=1 text="hello%0a"\r\n')
        self.assertEqual(shown, CREATED + "warning: hv\r\n(d1) hello\r\n")
        self.assertEqual(logs, {"web.log": b"hello\n"})

    def test_port_0xe9_is_in_the_log(self):
        shown, logs = split(CREATED + '(d1) early\r\n(d1)\r\n@output domain=1 text="late%0a"\r\n(d3) who\r\n')
        self.assertEqual(shown, CREATED + "(d1) early\r\n(d1)\r\n(d1) late\r\n(d3) who\r\n")
        self.assertEqual(logs, {"web.log": b"early\n\nlate\n", "d3.log": b"who\n"})

    def test_no_guest_forges_anothers_log(self):
        forged = '%0a(d2) x%0a@output domain=2 text=%22x%22%0a@guest domain=1 event=created code=0 name=db%0a'
        for kind in ("text", "raw"):
            _, logs = split(CREATED + f'@output domain=1 {kind}="{forged}"\r\n(d1) (d2) x\r\n' * 2)
            self.assertEqual(list(logs), ["web.log"])

    def test_a_later_domain_of_the_name_appends(self):
        _, logs = split(CREATED + '@output domain=1 text="one%0a"\r\n' + CREATED.replace("=1", "=7") + '@output domain=7 text="two%0a"\r\n')
        self.assertEqual(logs, {"web.log": b"one\ntwo\n"})

    def test_what_did_not_end_is_shown_at_the_end(self):
        self.assertEqual(split('@output domain=1 text="a"\r\n@outp')[0], "@outp\r\n(d1) a\r\n")

    def test_pieces_of_any_size(self):
        lines = ['@output domain=1 text="a%0ab"\r\n', '@output domain=2 raw="c%0d%0a"\r\n', '@output domain=2 raw="d"\r\n', "(d1) e\r\n",
                 "@other a=1\r\n", '@output domain=1 text="cut\r\n', "\r\n", "plain \r line\r\n"]
        draw = random.Random(7)
        for _ in range(100):
            text = CREATED + "".join(draw.choices(lines, k=20))
            self.assertEqual(split(text, [draw.randint(1, 9) for _ in range(5)]), split(text))


if __name__ == "__main__":
    cmocka.main()
