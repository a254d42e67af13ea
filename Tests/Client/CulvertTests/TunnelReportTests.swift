import Logging
import Model
import Settings
import Testing
import TunnelRunner

@testable import culvert

/// What a person is told about their tunnels: lines, addresses, and the status line of a terminal.
struct TunnelReportTests {
    private let tunnel = ExposedTunnel(
        name: "a", tunnel: TunnelID(CommandTests.uuid)!,
        servers: [ServerAddress(carrier: .ws, host: "h", port: 1, hostHeader: "h:1")],
        target: TargetAddress(host: "", port: 8000))

    private func report(_ printed: Printed) -> TunnelReport {
        TunnelReport(logger: Logger(label: "x", factory: { _ in SwiftLogNoOpLogHandler() })) { printed.append($0) }
    }

    private func status(_ change: TunnelStatus.Change, key: Int = 0, connection: Int = 0) -> TunnelStatus {
        TunnelStatus(key: key, tunnel: tunnel, connection: connection, change: change)
    }

    @Test func theAddressOfATunnelIsPrintedOnce() {
        let printed = Printed()
        let report = report(printed)
        let bound = status(.bound(host: "abc", urls: ["http://abc.localhost:8080"]))
        report.note(status(.added))
        report.note(bound)
        report.note(status(.lost(tunnel.servers[0], reason: "gone", retryMilliseconds: 100)))
        report.note(bound)
        #expect(printed.all == ["http://abc.localhost:8080 -> localhost:8000"])
        report.note(status(.bound(host: "abc", urls: []), connection: 1))
        #expect(printed.all.count == 2)
        #expect(printed.all[1].hasPrefix("abc -> localhost:8000\n"))
    }

    @Test func whatStandsIsCounted() {
        let report = report(Printed())
        #expect(report.standing == TunnelReport.Standing())
        for key in 0..<3 { report.note(status(.added, key: key)) }
        report.note(status(.bound(host: "b", urls: ["http://b.x"]), key: 1, connection: 0))
        report.note(status(.bound(host: "b", urls: ["http://b.x"]), key: 1, connection: 1))
        report.note(status(.bound(host: "a", urls: []), key: 0))
        #expect(report.standing == TunnelReport.Standing(up: 2, total: 3, addresses: ["a", "http://b.x"]))
        report.note(status(.lost(tunnel.servers[0], reason: "", retryMilliseconds: 1), key: 1, connection: 0))
        #expect(report.standing.up == 2, "one of two connections is enough")
        report.note(status(.left, key: 1, connection: 1))
        report.note(status(.sentAway, key: 0))
        #expect(report.standing == TunnelReport.Standing(up: 0, total: 3))
        report.note(status(.replaced, key: 0))
        report.note(status(.removed, key: 2))
        report.note(status(.bound(host: "late", urls: []), key: 2))
        #expect(report.standing.total == 1)
    }

    @Test func theStatusLineFitsAndSaysRates() {
        let standing = TunnelReport.Standing(up: 1, total: 2, addresses: ["http://a.b", "http://c.d"])
        let before = TunnelLoad(visitors: 10, visitorsNow: 1, bytes: 1_000)
        let load = TunnelLoad(visitors: 35, visitorsNow: 3, bytes: 2_401_000)
        let text = StatusText.line(standing, load, before: before, seconds: 2, columns: 200)
        #expect(text == "1/2 tunnels up  http://a.b +1  3 visitors  12.5/s  1.2 MB/s")
        #expect(StatusText.line(standing, load, before: before, seconds: 2, columns: 20) == "1/2 tunnels up  http")
        let quiet = StatusText.line(TunnelReport.Standing(), before, before: before, seconds: 1, columns: 200)
        #expect(quiet == "0/0 tunnels up  1 visitor  0.0/s  0 B/s")
    }

    @Test func linesGoAboveTheStatusLine() {
        let printed = Printed()
        let line = StatusLine { printed.append($0) }
        line.above { printed.append("log\n") }
        line.show("up")
        line.show("up")
        line.above { printed.append("log\n") }
        line.show("")
        #expect(printed.all == ["log\n", "\r\u{1B}[Kup", "\r\u{1B}[K", "log\n", "up", "\r\u{1B}[K"])
    }
}
