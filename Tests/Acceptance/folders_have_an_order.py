"""folders_have_an_order.py: whether the folders of each target know each other in one direction only.

    python folders_have_an_order.py          # reads Sources/; needs nothing but Python

For every target the types that a folder's files declare are looked for, by name, in the other folders of the target (files
at its root aside: what a target begins with, and what all its folders share). Two folders that know each other, directly or
through others, are told with the names; so is a file above 400 lines, a folder of more than 22 files, and a folder of
Commands/ that swift-prefopt/ doesn't have.
"""
import collections
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "Sources"
DECLARATION = re.compile(
    r"^(?:@\w+ )*(?:(?:package|public|final|indirect) )*(?:struct|enum|class|protocol|typealias|actor) (\w+)", re.M)


def code(file):
    """Its text without comments and strings."""
    text = re.sub(r"//.*", "", file.read_text())
    return re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', text)


def arrows(target):
    """Folder → folder it knows → the names by which."""
    texts = {}
    for file in target.rglob("*.swift"):
        parts = file.relative_to(target).parts
        if len(parts) > 1:
            texts[file] = (parts[0], code(file))
    home = {name: folder for folder, text in texts.values() for name in DECLARATION.findall(text)}
    known = collections.defaultdict(lambda: collections.defaultdict(set))
    for file, (folder, text) in texts.items():
        for name in set(re.findall(r"\b[A-Z]\w+", text)):
            if home.get(name, folder) != folder:
                known[folder][home[name]].add(f"{file.name}: {name}")
    return known


def reached(known, start):
    found, waiting = set(), [start]
    while waiting:
        for folder in known.get(waiting.pop(), {}):
            if folder not in found:
                found.add(folder)
                waiting.append(folder)
    return found


def main():
    faults = []
    for target in sorted(folder for folder in SOURCES.iterdir() if folder.is_dir()):
        known = arrows(target)
        circle = {folder for folder in known if folder in reached(known, folder)}
        for folder in sorted(circle):
            for other in sorted(known[folder].keys() & circle):
                names = ", ".join(sorted(known[folder][other])[:4])
                faults.append(f"{target.name}: {folder}/ knows {other}/, which knows it ({names})")
    for folder in [SOURCES, *SOURCES.rglob("*")]:
        if folder.is_dir():
            files = [file for file in folder.iterdir() if file.suffix in (".swift", ".c", ".h")]
            if len(files) > 22:
                faults.append(f"{folder.relative_to(SOURCES)}/ has {len(files)} files")
            for file in files:
                lines = len(file.read_text().splitlines())
                if lines > 400:
                    faults.append(f"{file.relative_to(SOURCES)} has {lines} lines")
    names = [{folder.name for folder in (SOURCES / target).iterdir() if folder.is_dir()} for target in ("Commands", "swift-prefopt")]
    faults += [f"Commands/{name}/ has no folder of its name in swift-prefopt/" for name in sorted(names[0] - names[1])]
    print("\n".join(faults) or "every target's folders have an order")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
