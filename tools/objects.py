"""The symbols of compiled objects, from nm. For the checks in tools/."""
import dataclasses
import os
import re
import subprocess

# build/hv/mm/claims.o, build/debug/hv/mm/claims.o, build/guest/obj/lib/printf.o, build/efi/boot/efi/main.asm.o
PLACE = re.compile(r"build/(?:debug/)?(?:hv|efi|guest/obj)/(.*?)(\.asm)?\.o")


@dataclasses.dataclass
class Object:
    source: str  # the file it was compiled from, without its suffix: mm/claims
    defined: set = dataclasses.field(default_factory=set)  # external symbols
    used: set = dataclasses.field(default_factory=set)  # symbols that it needs from elsewhere


def read_objects(paths):
    """The external symbols of each object. Paths as the Makefile has them."""
    objects = {path: Object(PLACE.fullmatch(path).group(1)) for path in paths}
    text = subprocess.run([os.environ.get("NM", "nm"), "-A", "-g", "-P", *paths], check=True, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout
    for line in text.splitlines():
        path, name, kind = line.split()[:3]
        found = objects[path.rstrip(":")]
        (found.used if kind in "Uw" else found.defined).add(name)
    return list(objects.values())
