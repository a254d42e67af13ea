import Model
import Primitives
import Wire

/// Addresses of host names, as they were last resolved. Resolving blocks, so it happens outside: names to be resolved are
/// left in `questions`. Bounded by the names of the configuration: a visitor's host never comes here.
struct NameTable {
    private struct Entry {
        var addresses: [SocketAddress]
        var until: Tick
    }

    /// How long a resolved name is believed; an old answer is used while a new one is fetched.
    static let believedMilliseconds: UInt64 = 30_000
    /// Addresses of one name that are tried, at most.
    static let addressesMax = 8

    private(set) var questions: [String] = []
    private var asked: Set<String> = []
    private var known: [String: Entry] = [:]

    /// The questions since the last call.
    mutating func takeQuestions() -> [String] {
        defer { questions = [] }
        return questions
    }

    /// The addresses of a host, without a port; nil while they are being asked for. Never empty.
    mutating func addresses(of host: String, now: Tick) -> [SocketAddress]? {
        if host.isEmpty || host == "localhost" { return NameTable.loopback }
        if let literal = SocketAddress(host: host, port: 0) { return [literal] }
        guard let entry = known[host] else {
            ask(host)
            return nil
        }
        if entry.until <= now { ask(host) }
        return entry.addresses
    }

    /// A name was resolved; without an address what was known before stays.
    mutating func resolved(_ host: String, _ addresses: [SocketAddress], now: Tick) {
        asked.remove(host)
        guard !addresses.isEmpty else { return }
        known[host] = Entry(
            addresses: Array(addresses.prefix(NameTable.addressesMax)),
            until: now.advanced(milliseconds: NameTable.believedMilliseconds))
    }

    private mutating func ask(_ host: String) {
        if asked.insert(host).inserted { questions.append(host) }
    }

    /// A service may listen at either.
    private static let loopback = [
        SocketAddress(ipv4: 0x7F00_0001, port: 0), SocketAddress(high: 0, low: 1, port: 0),
    ]
}
