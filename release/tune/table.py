"""Calls through the table: those that no traffic makes.

V8 compiles the whole module before Envoy is ready, and copies a function that is called
into its caller where that is small enough. In code that reads a policy, this doubles
what is compiled, for nothing. It does not copy a function that is called through the
table. So a call that no traffic makes goes there: `call f` becomes `i32.const n` and
`call_indirect`, where f is element n of the table.
"""

from wasm import CALL_INDIRECT, CODE, CONST, ELEMENT, END, TABLE, code_section, read, signed, unsigned

# A call of a function of fewer bytes than this, which calls no other, is left: to copy
# it costs less than to call it through the table.
SMALLEST = 30
MADE = "m"
FUNCTIONS, WITH_MOST = 0x70, 0x01


def apply(module, ways):
    """The sections that change, where `ways` says of each function which calls are
    made."""
    table, codes = Table(module), []
    for function in module.functions:
        made, places = ways.get(function.digest, ""), []
        for number, call in enumerate(function.calls):
            called, behind = function.called(call)
            if made[number : number + 1] == MADE or not is_moved(module, called):
                continue
            kind = unsigned(module.types[called])
            indirect = bytes([CONST]) + signed(table.place(called)) + bytes([CALL_INDIRECT]) + kind + b"\0"
            places.append((call, behind, indirect))
        codes.append(function.changed(places))
    return {TABLE: table.limits(), ELEMENT: table.elements(), CODE: code_section(codes)}


def is_moved(module, called):
    if called < module.imported:
        return False
    function = module.functions[called - module.imported]
    return len(function.code) >= SMALLEST or bool(function.calls)


class Table:
    """The table of a module that a linker wrote: one, filled by one run of functions
    from the second place on, since a call of place 0 has to fail."""

    def __init__(self, module):
        content = module.found[ELEMENT]
        # Behind the number of segments, the kind of the first, and the instruction.
        self.first, at = read(content, 3)
        count, at = read(content, at + 1)
        self.run = []
        for _ in range(count):
            number, at = read(content, at)
            self.run.append(number)
        if self.elements() != content or self.limits() != module.found[TABLE]:
            raise ValueError("another table than linkers write")
        self.places = {}
        for place, number in enumerate(self.run, self.first):
            self.places.setdefault(number, place)

    def place(self, number):
        """Where this function is in the table, at whose end it is put if need be."""
        if number not in self.places:
            self.places[number] = self.first + len(self.run)
            self.run.append(number)
        return self.places[number]

    def limits(self):
        return bytes([1, FUNCTIONS, WITH_MOST]) + 2 * unsigned(self.first + len(self.run))

    def elements(self):
        head = bytes([1, 0, CONST]) + signed(self.first) + bytes([END])
        return head + unsigned(len(self.run)) + b"".join(map(unsigned, self.run))
