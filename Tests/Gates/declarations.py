"""What the sources say of their functions: which are proven by the compiler (`@_noLocks`), which are marked cold, and
which of them a symbol of the linked binary is."""
import collections
import os
import re

MARK = "@_noLocks"
COLD = '@_semantics("no_performance_analysis")'

HOT, COLDLY, GENERIC, PLAIN = "proven", "cold", "generic", "plain"

#: Attributes and modifiers in front of a declaration.
FRONT = r"^\s*(?:@[\w.]+(?:\([^)]*\))? )*(?:[a-z]+(?:\(set\))? )*?"
SCOPE = re.compile(FRONT + r"(struct|enum|class|extension|protocol|actor) ([\w.]+)(.*)$")
FUNCTION = re.compile(
    FRONT + r"(?:func ([\w]+|[-<=>!+*/&|^~%]+)|(init)[?!]?|(subscript)|(deinit))\s*(<[^(]*>)?\s*(?=[({])")
PROPERTY = re.compile(FRONT + r"var (\w+)\b.*\{")
DECLARES = re.compile(r"\b(func|init|var|subscript|deinit|struct|enum|class)\b")

#: A demangled accessor: module, types, name, and what follows.
ACCESSOR = re.compile(
    r"(\w+)\.((?:\w+\.)*)(\w+)\.(?:getter|setter|modify|read|unsafeMutableAddressor) : (.*)")

#: What a demangled name begins with when the compiler made a function of another one.
OF = re.compile(r"^.* of (?=(?:static )?[\w(])")


def labels(text):
    """The argument labels of a parameter list that begins behind an opening bracket: of a declaration or of a
    demangled name."""
    parts, depth, part = [], 0, ""
    for character in text:
        if character in "([{<":
            depth += 1
        elif character in ")]}":
            if depth == 0:
                break
            depth -= 1
        elif character == ">" and not part.endswith("-"):
            depth -= 1
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    if part.strip():
        parts.append(part)
    return parts


def declared_labels(text):
    names = []
    for part in labels(text):
        words = part.split(":")[0].split()
        while words and words[0].startswith("@"):
            words.pop(0)
        names.append(words[0] if words else "_")
    return tuple(names)


def demangled_labels(text):
    found = (re.match(r"\s*(\w+): ", part) for part in labels(text))
    return tuple(match[1] if match else "_" for match in found)


class Declarations:
    """Every function, initialiser and accessor below `Sources`, by module, type and name."""

    def __init__(self, root):
        self.root = root
        #: (module, type, name, labels): marks of the declarations of that name.
        self.marks = collections.defaultdict(list)
        self.generic_types = set()
        self.modules = set()
        files = []
        for folder, folders, names in os.walk(os.path.join(root, "Sources")):
            folders.sort()
            files += [os.path.join(folder, name) for name in sorted(names) if name.endswith(".swift")]
        for path in files:
            self.read(path)

    def module(self, path):
        """The module of a file: the folder below `Shared`, `DataPlane` and so on, or directly below `Sources`."""
        parts = os.path.relpath(path, os.path.join(self.root, "Sources")).split(os.sep)
        return parts[0 if len(parts) == 2 else 1].replace("-", "_")

    def read(self, path):
        module = self.module(path)
        self.modules.add(module)
        with open(path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        scopes = []
        attributes = ""
        for number, line in enumerate(lines):
            stripped = line.strip()
            if not stripped or stripped.startswith("//"):
                continue
            indent = len(line) - len(line.lstrip())
            if stripped[0] not in ")}]":
                while scopes and indent <= scopes[-1][0]:
                    scopes.pop()
            if stripped.startswith("@") and not DECLARES.search(stripped):
                attributes += " " + stripped
                continue
            kind = ".".join(scope for _, scope in scopes)
            if scope := SCOPE.match(line):
                name = scope[2]
                if scope[1] == "extension" and name.split(".")[0] in self.modules:
                    name = name.partition(".")[2] or name
                scopes.append((indent, name))
                if scope[3].lstrip().startswith("<"):
                    self.generic_types.add(".".join(scope for _, scope in scopes))
            elif function := FUNCTION.match(line):
                name = function[1] or function[2] or function[3] or function[4]
                text = "\n".join(lines[number:number + 24])[function.end():]
                body = text[1:] if text.startswith("(") else ")"
                given = () if name == "deinit" else declared_labels(body)
                marks = attributes + stripped
                if name == "subscript":
                    marks += " ".join(lines[number:number + 4])
                is_generic = function[5] or re.search(r": (inout |borrowing |consuming )?some ", body.split(")")[0])
                self.note((module, kind, name, given), marks, is_generic)
                # What stands inside is the function's own affair.
                scopes.append((indent, f"{name}()"))
            elif name := PROPERTY.match(line):
                self.note((module, kind, name[1], None), attributes + " ".join(lines[number:number + 4]), False)
            attributes = ""

    def note(self, key, marks, is_generic):
        if MARK in marks:
            mark = HOT
        elif COLD in marks:
            mark = COLDLY
        else:
            mark = GENERIC if is_generic else PLAIN
        self.marks[key].append(mark)

    def symbol(self, plain):
        """(module, type, name, labels) of a demangled name, or nothing when it is none of ours."""
        plain = re.sub(r"\(extension in \w+\):", "", plain)
        plain = OF.sub("", plain)
        # A closure stands in a function: "closure #1 (…) -> … in Worker.Worker.end() -> ()".
        if " in " in plain:
            plain = plain.rpartition(" in ")[2]
        plain = plain.removeprefix("static ")
        if accessor := ACCESSOR.match(plain):
            module, kind, name = accessor[1], accessor[2].rstrip("."), accessor[3]
            given = demangled_labels(accessor[4][1:]) if name == "subscript" else None
        elif function := re.match(r"(\w+)\.((?:\w+\.)*)(\w+|[-<=>!+*/&|^~%]+ infix)(?:<.*?>)?(\(.*|$)", plain):
            module, kind, name = function[1], function[2].rstrip("."), function[3].removesuffix(" infix")
            given = demangled_labels(function[4][1:]) if name != "deinit" else ()
        else:
            return None
        return (module, kind, name, given) if module in self.modules else None

    def marks_of(self, plain):
        """The marks of what a demangled name names: empty when nobody wrote it (the compiler did), and nothing when it
        is none of ours."""
        key = self.symbol(plain)
        if key is None:
            return None
        if key[1] in self.generic_types:
            return [GENERIC]
        found = self.marks.get(key, [])
        if not found and key[3] is not None and len(key[3]) == 0:
            # `name()` of a function without labels is printed without them.
            found = self.marks.get((*key[:3], ()), [])
        return found
