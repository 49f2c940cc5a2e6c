"""WebAssembly's binary format, as far as it has to be known here: the sections of a
module, and the branches and calls in the code of its functions."""

import hashlib

CUSTOM, TYPE, IMPORT, FUNCTION, TABLE, GLOBAL, EXPORT, ELEMENT, CODE = 0, 1, 2, 3, 4, 6, 7, 9, 10
IF, END, BR_IF, CALL, CALL_INDIRECT, CONST = 0x04, 0x0B, 0x0D, 0x10, 0x11, 0x41


def unsigned(number):
    """A number in LEB128."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded + bytes([number]))


def signed(number):
    """A number that is not negative in signed LEB128."""
    encoded = unsigned(number)
    # The second highest bit of the last byte would be its sign.
    return encoded[:-1] + bytes([encoded[-1] | 0x80, 0]) if encoded[-1] & 0x40 else encoded


def read(data, at):
    """A number in LEB128, and the offset behind it."""
    number = shift = 0
    while True:
        byte = data[at]
        number, shift, at = number | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return number, at


def sections(module):
    """The number and the content of each section."""
    at = 8
    while at < len(module):
        number = module[at]
        size, start = read(module, at + 1)
        at = start + size
        yield number, module[start:at]


def entries(content, one):
    """The entries of a section, each of which `one` reads."""
    count, at = read(content, 0)
    found = []
    for _ in range(count):
        entry, at = one(content, at)
        found.append(entry)
    return found


def body(content, at):
    size, at = read(content, at)
    return content[at : at + size], at + size


def type_of_import(content, at):
    for _ in range(2):
        size, at = read(content, at)
        at += size
    if content[at] != 0:
        raise ValueError("only functions are expected among the imports")
    return read(content, at + 1)


def parameters(content, at):
    count, at = read(content, at + 1)
    results, at = read(content, at + count)
    return count, at + results


# How many numbers in LEB128 follow an instruction; and for some how many bytes.
NUMBERS = {op: 0 for op in (0x00, 0x01, 0x05, END, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5), 0xD1)}
NUMBERS.update({op: 1 for op in (0x02, 0x03, IF, 0x0C, BR_IF, CALL, *range(0x20, 0x27))})
NUMBERS.update({op: 1 for op in (0x3F, 0x40, CONST, 0x42, 0xD2)})
NUMBERS.update({op: 2 for op in (CALL_INDIRECT, *range(0x28, 0x3F))})
BYTES = {0x43: 4, 0x44: 8, 0xD0: 1}
BR_TABLE, SELECT, MORE, VECTOR = 0x0E, 0x1C, 0xFC, 0xFD
# The same of those that begin with MORE and with VECTOR.
MORE_NUMBERS = {**{kind: 0 for kind in range(8)}, 8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}
VECTORS = 0x114


def after(code, at):
    """The offset behind the instruction at `at`."""
    op, at = code[at], at + 1
    size = BYTES.get(op, 0)
    numbers = NUMBERS.get(op, 0 if size else None)
    if op == BR_TABLE:
        numbers, at = read(code, at)
        numbers += 1
    elif op == SELECT:
        size, at = read(code, at)
        numbers = 0
    elif op == MORE:
        kind, at = read(code, at)
        numbers = MORE_NUMBERS.get(kind)
    elif op == VECTOR:
        kind, at = read(code, at)
        numbers = None if kind >= VECTORS else 2 if kind <= 11 or 84 <= kind <= 93 else 0
        size = 16 if kind in (12, 13) else 1 if 21 <= kind <= 34 or 84 <= kind <= 91 else 0
    if numbers is None:
        raise ValueError(f"an instruction that is not known: {op:#x}")
    for _ in range(numbers):
        _, at = read(code, at)
    return at + size


class Function:
    """A function's code: its locals, its branches, its calls of functions by their
    numbers, and a digest of its instructions."""

    def __init__(self, code):
        self.code = code
        groups, self.locals = read(code, 0)
        at, self.groups, self.count = self.locals, groups, 0
        for _ in range(groups):
            count, at = read(code, at)
            self.count, at = self.count + count, at + 1
        self.start = at
        self.branches, self.calls, instructions = [], [], bytearray()
        while at < len(code):
            if code[at] in (IF, BR_IF):
                self.branches.append(at)
            elif code[at] == CALL:
                self.calls.append(at)
            instructions.append(code[at])
            at = after(code, at)
        if at != len(code) or instructions[-1] != END:
            raise ValueError("a function that does not end where it has to")
        self.digest = hashlib.sha256(instructions).hexdigest()[:16]

    def called(self, call):
        """The number of the function that this call is of, and the offset behind it."""
        return read(self.code, call + 1)

    def changed(self, places):
        """The same code with other bytes in the place of these: an offset, that behind
        what is replaced, and the bytes."""
        parts, at = [], 0
        for start, end, put in places:
            parts += [self.code[at:start], put]
            at = end
        return b"".join([*parts, self.code[at:]])


class Module:
    """A module, by its sections."""

    def __init__(self, module):
        self.head = module[:8]
        self.parts = list(sections(module))
        self.found = dict(self.parts)
        imported = entries(self.found[IMPORT], type_of_import)
        self.imported = len(imported)
        self.functions = [Function(code) for code in entries(self.found[CODE], body)]
        # The type of each function, by its number.
        self.types = imported + entries(self.found[FUNCTION], read)

    def with_sections(self, changed, in_front_of_code=()):
        """The module with the content of some sections changed, and without those that
        the linker wrote for other programs."""
        parts = []
        for number, content in self.parts:
            if number == CODE:
                parts += in_front_of_code
            if number != CUSTOM:
                parts.append((number, changed.get(number, content)))
        packed = (bytes([number]) + unsigned(len(content)) + content for number, content in parts)
        return self.head + b"".join(packed)


def code_section(codes):
    return unsigned(len(codes)) + b"".join(unsigned(len(code)) + code for code in codes)
