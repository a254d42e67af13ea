import Model
import Wire

@testable import Worker

/// docs/attacks.md, generated from the table of attacks, so that it cannot say anything else.
enum AttackDocument {
    static let path = "docs/attacks.md"

    static var text: String {
        var lines = [
            "# Attacks", "",
            "What visitors, tunnel clients and services do to a node that is not nice, and what becomes of it. Every row is",
            "played by real workers in virtual time (`Tests/DataPlane/WorkerTests/Hostile/HostilePeerTests.swift`): the",
            "reason is counted in `culvert_ends_total{reason=…}` and stands in the log, the worker never holds more than the",
            "memory given, somebody with a tunnel of his own asks all the time and never waits longer than said (2 ms when",
            "nothing happens), an answer that had begun before comes whole, and at the end nothing is left: no slot, no",
            "buffer, no timer.", "",
            "Limits and their values are in [limits.md](limits.md); a row without one is bounded by the rules of a protocol.",
            "Memory is that of a worker of 8 MiB (512 buffers of 16 KiB), with deadlines cut short; a real worker has 76 MiB.",
            "", "This page is generated (`CULVERT_WRITE_DOCS=1 swift test --filter HostilePeerTests`).", "",
            "| attack | by | bounded by | reason | memory at most | others wait at most |", "|---|---|---|---|---|---|",
        ]
        for attack in Attack.all {
            let limits = attack.limits.map { "`\($0)`" }.joined(separator: ", ")
            let reason = attack.reason.map { "`\($0.label)`" } ?? "–"
            let kibibytes = attack.buffersMax * BufferStore.stride / 1_024
            lines.append(
                "| \(attack.name) | \(attack.attacker.rawValue) | \(limits.isEmpty ? "–" : limits) | \(reason) "
                    + "| \(kibibytes) KiB | \(attack.waitMaxMilliseconds) ms |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
