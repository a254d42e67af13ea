internal import CLinux
internal import ControlCore
internal import Foundation
internal import Primitives
internal import Settings

/// The files of host rules: read at the start, and again when they change, which is looked for at each file's period. Owned
/// by the plane loop's thread; a changed file is read by a thread of its own, which yields to all others, because a million
/// lines take a second and nobody who is served shall wait for them.
final class RuleWatch {
    /// Tables that were replaced and are still kept because a data plane may look into them; the oldest go first.
    static let retiredMax = 2

    private let ingresses: [IngressTable]
    private let seed: UInt64
    private var files: [Int: WatchedFile] = [:]
    private var isReading = false
    private var readings: UInt64 = 0
    /// The rules that were read last.
    private(set) var rules: SealedRules?
    private var retired: [SealedRules] = []

    /// Watches the files of these ingresses.
    init(_ ingresses: [IngressTable], seed: UInt64) {
        self.ingresses = ingresses
        self.seed = seed
        for (place, ingress) in ingresses.enumerated() {
            guard let path = ingress.path else { continue }
            files[place] = WatchedFile(path, periodMilliseconds: ingress.reloadMilliseconds)
        }
    }

    /// When `look` has something to do; never while a reading is under way.
    var nextLook: Tick { isReading ? .never : files.values.reduce(.never) { min($0, $1.next) } }

    /// The first reading of all files, by the caller's thread; gives what is wrong with one.
    func start(now: Tick) -> [String] {
        var changed: [Int: FileMark] = [:]
        var faults: [String] = []
        for place in files.keys.sorted() {
            switch files[place]?.look(now: now) {
            case .changed(let mark): changed[place] = mark
            case .failed(let text): faults.append(text)
            case .unchanged, nil: break
            }
        }
        guard faults.isEmpty else { return faults }
        return take(reading(of: changed, before: nil).run())
    }

    /// Looks at the files that are due and has those read that have changed: `done` is called with the outcome on a thread of
    /// its own. Gives what can be said about the others at once.
    func look(now: Tick, _ done: @escaping @Sendable (RuleReading.Outcome) -> Void) -> [String] {
        guard !isReading else { return [] }
        var changed: [Int: FileMark] = [:]
        var faults: [String] = []
        for place in files.keys.sorted() {
            guard let due = files[place]?.next, due <= now else { continue }
            switch files[place]?.look(now: now) {
            case .changed(let mark): changed[place] = mark
            case .failed(let text): if files[place]?.failed(text) == true { faults.append(text) }
            case .unchanged, nil: break
            }
        }
        guard !changed.isEmpty else { return faults }
        isReading = true
        let reading = reading(of: changed, before: rules?.table)
        RuleWatch.aside { done(reading.run()) }
        return faults
    }

    private func reading(of changed: [Int: FileMark], before: RuleTable?) -> RuleReading {
        readings += 1
        return RuleReading(ingresses: ingresses, changed: changed, before: before, number: readings, seed: seed)
    }

    /// A reading has ended. Gives what has not been said before; `rules` are the new ones, if there are any.
    func take(_ outcome: RuleReading.Outcome) -> [String] {
        isReading = false
        var news: [String] = []
        var failed: Set<Int> = []
        for fault in outcome.faults {
            guard let place = fault.ingress else {
                // About all of them together: not tried again before one has changed.
                failed.formUnion(outcome.marks.keys)
                var isNew = false
                for (place, mark) in outcome.marks where files[place]?.failed(fault.text, at: mark) == true {
                    isNew = true
                }
                if isNew { news.append(fault.text) }
                continue
            }
            failed.insert(place)
            let mark = fault.isFinal ? outcome.marks[place] : nil
            if files[place]?.failed(fault.text, at: mark) == true { news.append(fault.text) }
        }
        guard let new = outcome.rules else { return news }
        for (place, mark) in outcome.marks where !failed.contains(place) { files[place]?.read(mark) }
        if let rules {
            retired.append(rules)
            if retired.count > RuleWatch.retiredMax { RuleWatch.drop([retired.removeFirst()]) }
        }
        rules = new
        return news
    }

    /// Nobody looks into the tables before the present one any more.
    func forgetRetired() {
        guard !retired.isEmpty else { return }
        RuleWatch.drop(retired)
        retired = []
    }

    /// Giving back the memory of a million rules takes milliseconds: not those of a thread that somebody waits for.
    private static func drop(_ rules: [SealedRules]) {
        aside { withExtendedLifetime(rules) {} }
    }

    private static func aside(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread {
            culvert_yield_to_all()
            body()
        }
        thread.name = "rules"
        thread.start()
    }
}
