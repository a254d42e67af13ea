internal import CLinux
internal import ControlCore
internal import Glibc
internal import Model
internal import PlaneLink
internal import Settings

/// A table of rules with the sealed file that data planes get of it.
struct SealedRules: Sendable {
    let table: RuleTable
    let file: TableFile

    /// Seals what `fill` writes into a table for at most `count` rules. `number`: of the table, another one each time.
    init(
        _ count: RuleCount, number: UInt64, seed: UInt64,
        _ fill: (inout RouteSnapshotWriter) throws(RuleFileFault) -> Void
    ) throws(RuleFileFault) {
        let file = try TableFile(bytes: count.fileBytes) { memory throws(RuleFileFault) in
            var writer = RouteSnapshotWriter(into: memory, routes: count.rules, seed: seed)
            try fill(&writer)
            return writer.finish(generation: number)
        } or: {
            RuleFileFault(ingress: nil, text: $0.text, isFinal: false)
        }
        let mapped = mmap(nil, file.byteCount, PROT_READ, MAP_SHARED, file.descriptor, 0)
        guard let mapped, mapped != UnsafeMutableRawPointer(bitPattern: -1) else {
            throw RuleFileFault(ingress: nil, text: SystemFault("map", "the host rules").text, isFinal: false)
        }
        self.file = file
        table = RuleTable(UnsafeRawBufferPointer(start: mapped, count: file.byteCount)) {
            munmap(UnsafeMutableRawPointer(mutating: $0.baseAddress), $0.count)
        }
    }
}

/// One making of the table of rules: which files are to be read, and where the other rules come from. Works without the
/// plane loop, on a thread that yields to all others.
struct RuleReading: Sendable {
    /// Everything that was read, or why not.
    struct Outcome: Sendable {
        /// nil: no file could be used, and the table before stays.
        var rules: SealedRules?
        var faults: [RuleFileFault]
        /// What the files were when they were looked at, by ingress.
        var marks: [Int: FileMark]
    }

    let ingresses: [IngressTable]
    /// Places of the ingresses whose files are read, and what those are.
    var changed: [Int: FileMark]
    /// Where the rules of all others are; nil at the start, when all are read.
    var before: RuleTable?
    var number: UInt64
    var seed: UInt64

    /// Reads. A file that cannot be used keeps its ingress as it was before, and no other ingress from being renewed.
    func run() -> Outcome {
        var faults: [RuleFileFault] = []
        var files: [RuleFile] = []
        for place in changed.keys.sorted() {
            guard let path = ingresses[place].path else { preconditionFailure("an ingress without a file has changed") }
            do throws(RuleFileFault) { files.append(try RuleFile(path, of: place)) } catch { faults.append(error) }
        }
        // At the start there is nothing that could stay.
        guard before != nil ? !files.isEmpty : faults.isEmpty else {
            return Outcome(rules: nil, faults: faults, marks: changed)
        }
        do throws(RuleFileFault) {
            return Outcome(rules: try make(of: files), faults: faults, marks: changed)
        } catch {
            return Outcome(rules: nil, faults: faults + [error], marks: changed)
        }
    }

    private func make(of files: [RuleFile]) throws(RuleFileFault) -> SealedRules {
        let renewed = before == nil ? Set(ingresses.indices) : Set(files.map(\.ingress))
        var count = files.reduce(RuleCount()) { $0 + $1.count }
        for place in renewed { count = count + RuleCount(ingresses[place].rules) }
        if let before, renewed.count < ingresses.count {
            _ = before.view.forEach { ingress, _, name, _ in
                if !renewed.contains(Int(ingress.rawValue)) { count.add(hostBytes: name.count) }
            }
        }
        guard count.rules <= ControlLimit.rulesMax else {
            throw RuleFileFault(
                ingress: nil, text: "there are more than \(ControlLimit.rulesMax) host rules", isFinal: true)
        }
        return try SealedRules(count, number: number, seed: seed) { writer throws(RuleFileFault) in
            if let before, renewed.count < ingresses.count { RuleReading.copy(before, without: renewed, into: &writer) }
            for place in renewed.sorted() { writer.add(ingresses[place].rules, to: IngressIndex(UInt16(place))) }
            for file in files { try RuleReading.copy(file, into: &writer) }
        }
    }

    private static func copy(_ table: RuleTable, without renewed: Set<Int>, into writer: inout RouteSnapshotWriter) {
        let isSound = table.view.forEach { ingress, isWildcard, name, route in
            guard !renewed.contains(Int(ingress.rawValue)) else { return }
            let isNew = writer.add(ingress: ingress, isWildcard: isWildcard, name: name, route: route)
            precondition(isNew, "a host has two rules")
        }
        precondition(isSound, "a table of rules is damaged")
    }

    /// Another process may write into the file between the two readings: what was not counted has no room.
    private static func copy(_ file: RuleFile, into writer: inout RouteSnapshotWriter) throws(RuleFileFault) {
        var isAsCounted = true
        try file.read { host, route in
            guard isAsCounted, writer.hasRoom(hostBytes: host.count) else {
                isAsCounted = false
                return
            }
            let isPossible = writer.set(ingress: IngressIndex(UInt16(file.ingress)), host: host, route: route)
            precondition(isPossible, "a rule was read that no table can hold")
        }
        guard isAsCounted else {
            throw RuleFileFault(ingress: file.ingress, text: "\(file.path) changed while it was read", isFinal: false)
        }
    }
}
