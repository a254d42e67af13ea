/// What must not be on the hot path, each in a function of its own: planted for the gates, which must see it. As a program
/// (`Planted everything|nothing TIMES`) it does all of it as often as it is told, or computes and nothing else.
@main
struct Planted {
    static func main() {
        let times = Int(CommandLine.arguments[2]) ?? 0
        let link = Link()
        if CommandLine.arguments[1] == "everything" {
            for number in 0..<times { everything(link, number) }
        } else {
            for number in 0..<times { link.value = clean(number) }
        }
    }

    @inline(never)
    static func everything(_ link: Link, _ number: Int) {
        releases(allocates(16))
        link.value = makes(number).value
        accesses(link)
        retains(link)
        link.value &+= calls { number }
        link.value &+= initialises()
        link.value &+= enters(number) &+ pretends(number)
    }

    @_noLocks @inline(never)
    static func clean(_ number: Int) -> Int { number &* 3 }

    @inline(never)
    static func allocates(_ count: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: count, alignment: 16)
    }

    @inline(never)
    static func releases(_ memory: UnsafeMutableRawPointer) { memory.deallocate() }

    @inline(never)
    static func makes(_ number: Int) -> Link {
        let link = Link()
        link.value = number
        return link
    }

    nonisolated(unsafe) static var kept: Link?

    @inline(never)
    static func retains(_ link: Link) { kept = link }

    /// The value is lent: nobody else may touch it meanwhile, which is checked.
    @inline(never)
    static func accesses(_ link: Link) { change(&link.value) }

    @inline(never)
    static func change(_ value: inout Int) { value &+= 1 }

    @inline(never)
    static func calls(_ body: () -> Int) -> Int { body() }

    static let words = CommandLine.arguments

    @inline(never)
    static func initialises() -> Int { words.count }

    /// On the way to what is cold, though nobody says so of it.
    @inline(never)
    static func enters(_ number: Int) -> Int { rests(number) }

    @inline(never) @_semantics("no_performance_analysis")
    static func rests(_ number: Int) -> Int { String(number).count }

    /// Listed cold by the gate's test and not marked so.
    @inline(never)
    static func pretends(_ number: Int) -> Int { String(number, radix: 2).count }
}

/// Something that references are counted of.
final class Link {
    var value = 0
}
