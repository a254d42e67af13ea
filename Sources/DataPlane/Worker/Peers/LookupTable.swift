import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// What was asked of the control plane and by whom: visitors that miss the same wait for the same question. And, for a
/// while, of which hosts it said that there are none.
struct LookupTable: ~Copyable {
    struct Question: BitwiseCopyable {
        let key: UInt64
        let lookup: PlaneLookup
        /// The first of those that wait for it; see `Waiter`.
        var first = Waiter.none

        /// Nobody is asked: a link to one of the tunnel's data planes is awaited.
        var awaitsLink: Bool { lookup.question == LookupTable.linkMark }
    }

    /// Stands for the number of a question that is put to nobody.
    private static var linkMark: UInt64 { 1 }
    /// Questions that wait for a link.
    private(set) var linksAwaited = 0

    /// What is remembered of a host that does not exist.
    private struct Absence {
        var key: UInt64 = 0
        var until = Tick.zero
    }

    private var questions: Slab<Question>
    private var index: IndexTable
    private let seed: UInt64
    private var absences: [Absence] = []

    /// Hosts that are remembered not to exist; one falls out when another takes its place.
    static var absencesMax: Int { 4_096 }
    static var bytesPerAbsence: Int { MemoryLayout<Absence>.stride }
    static var bytesPerQuestion: Int { Slab<Question>.bytesPerSlot }

    init(capacity: Int, seed: UInt64) {
        questions = Slab(capacity: capacity)
        index = IndexTable(capacity: capacity)
        self.seed = seed
    }

    var count: Int { Int(questions.count) }

    /// What stands for the wait for a link to a tunnel's data planes.
    static func link(to tunnel: TunnelID) -> PlaneLookup {
        PlaneLookup(
            question: linkMark, service: ServiceIndex(0), ingress: IngressIndex(0), host: InlineText(), tunnel: tunnel)
    }

    /// The next question from `slot` on that waits for a link.
    func nextAwaitingLink(from slot: UInt32) -> UInt32? {
        var slot = slot
        while slot < questions.end {
            if questions.isLive(slot), questions[slot].pointee.awaitsLink { return slot }
            slot += 1
        }
        return nil
    }

    subscript(slot: UInt32) -> UnsafeMutablePointer<Question> { questions[slot] }

    func isCurrent(_ slot: UInt32, _ generation: UInt32) -> Bool { questions.isCurrent(slot, generation) }
    func generation(of slot: UInt32) -> UInt32 { questions.generation(of: slot) }

    /// The question that was asked already.
    func find(_ lookup: PlaneLookup) -> UInt32? {
        let key = key(lookup)
        var cell = index.cursor(key)
        while let slot = index.next(key, &cell) {
            if questions[slot].pointee.lookup == lookup { return slot }
        }
        return nil
    }

    /// A new question; nil when too many are out.
    mutating func add(_ lookup: PlaneLookup) -> UInt32? {
        let key = key(lookup)
        guard let slot = questions.take(Question(key: key, lookup: lookup)) else { return nil }
        let isIndexed = index.insert(key, slot)
        precondition(isIndexed)
        if questions[slot].pointee.awaitsLink { linksAwaited += 1 }
        return slot
    }

    /// It was answered.
    mutating func remove(_ slot: UInt32) {
        let isRemoved = index.remove(questions[slot].pointee.key, slot)
        precondition(isRemoved)
        if questions[slot].pointee.awaitsLink { linksAwaited -= 1 }
        questions.give(slot)
    }

    // MARK: What there is not

    func isAbsent(_ lookup: PlaneLookup, now: Tick) -> Bool {
        guard !absences.isEmpty else { return false }
        let key = key(lookup)
        let known = absences[Int(key % UInt64(LookupTable.absencesMax))]
        return known.key == key && now < known.until
    }

    mutating func remember(absent lookup: PlaneLookup, until: Tick) {
        if absences.isEmpty { absences = Array(repeating: Absence(), count: LookupTable.absencesMax) }
        let key = key(lookup)
        absences[Int(key % UInt64(LookupTable.absencesMax))] = Absence(key: key, until: until)
    }

    /// A route was given: whatever was said of its host before does not hold. A wildcard's may be any of them.
    mutating func forgetAbsence(of change: RouteChange) {
        guard !absences.isEmpty, change.route != nil, !change.host.isEmpty else { return }
        if change.host[0] == UInt8(ascii: ".") || change.host[0] == UInt8(ascii: "*") { return absences = [] }
        let lookup = PlaneLookup(
            question: 0, service: ServiceIndex(0), ingress: change.ingress, host: change.host, tunnel: .zero)
        let key = key(lookup)
        let place = Int(key % UInt64(LookupTable.absencesMax))
        if absences[place].key == key { absences[place] = Absence() }
    }

    /// Seeded, because hosts are chosen by visitors: nobody can make two of them one.
    private func key(_ lookup: PlaneLookup) -> UInt64 {
        var hash = seed ^ UInt64(lookup.ingress.rawValue) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ lookup.tunnel.high) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33 ^ lookup.tunnel.low) &* 0xC4CE_B9FE_1A85_EC53
        for place in 0..<Int(lookup.host.count) {
            hash = (hash ^ UInt64(lookup.host[place])) &* 0x0000_0100_0000_01B3
            hash ^= hash >> 29
        }
        return hash ^ hash >> 32
    }
}

/// Somebody who waits for an answer: a visitor, or the link of a relay visitor.
struct Waiter: BitwiseCopyable, Equatable {
    private var raw: UInt32

    static var none: Waiter { @_noLocks get { Waiter(raw: .max) } }
    private static var linkBit: UInt32 { @_noLocks get { 1 << 31 } }

    @_noLocks private init(raw: UInt32) { self.raw = raw }
    @_noLocks init(visitor: UInt32) { raw = visitor }
    @_noLocks init(link: UInt32) { raw = link | Waiter.linkBit }

    var isLink: Bool { raw & Waiter.linkBit != 0 }
    /// Of visitors or of links.
    var slot: UInt32 { raw & ~Waiter.linkBit }
}

/// Where somebody stands among those that wait, and what was answered.
struct Waiting: BitwiseCopyable {
    /// How a look-up of the present request ended.
    enum Outcome: UInt8, BitwiseCopyable {
        case notAsked
        case answered
        /// A link to a data plane that has the tunnel came up.
        case linked
        /// Nobody could say.
        case unknown
        case overdue
        /// No such link came up.
        case unreachable
    }

    /// The question, or none.
    var question: UInt32 = .max
    var next = Waiter.none
    var previous = Waiter.none
    var outcome = Outcome.notAsked

    @_noLocks init() {}
}
