import CLinux
import ControlCore
import Foundation
import Glibc
import Model
import PlaneLink
import Primitives
import Settings
import Testing

@testable import ControlShell

/// Files of host rules: read when they change, by a thread of their own, and left as they were when they are bad.
struct RuleWatchTests {
    private static let id = "381433e1-7980-11ee-bbdb-60f262c1e32d"
    private static let route = Route(tunnel: TunnelID(id)!, isPrivate: false)

    private let paths = (0..<2).map { NSTemporaryDirectory() + "culvert-rules-\($0)-\(UUID().uuidString)" }

    private func tick(_ milliseconds: UInt64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

    private func remove() { for path in paths { try? FileManager.default.removeItem(atPath: path) } }

    private func write(_ text: String, _ place: Int = 0) throws {
        // As it is meant to be done: another file takes the name.
        try text.write(toFile: paths[place], atomically: true, encoding: .utf8)
    }

    /// Two ingresses with a file each, and one without; the first has a rule of its own.
    private func watch() -> RuleWatch {
        var tables = ["a", "b", "c"].map { IngressTable(name: $0) }
        tables[0].rules = [
            IngressRule(host: "inline.example", route: Route(tunnel: TunnelID(high: 1, low: 1), isPrivate: true)),
            IngressRule(host: "both.example", route: Route(tunnel: TunnelID(high: 1, low: 1), isPrivate: false)),
        ]
        for place in 0...1 {
            tables[place].path = paths[place]
            tables[place].reloadMilliseconds = 500
        }
        return RuleWatch(tables, seed: 5)
    }

    /// What a look has read.
    private func outcome(_ watch: RuleWatch, at milliseconds: UInt64) throws -> RuleReading.Outcome {
        let answer = RunningControl.Answer<RuleReading.Outcome>()
        #expect(watch.look(now: tick(milliseconds)) { answer.give($0) }.isEmpty)
        #expect(watch.nextLook == .never, "one reading at a time")
        #expect(watch.look(now: tick(milliseconds + 10_000)) { _ in Issue.record("a second reading") }.isEmpty)
        return try answer.take()
    }

    private func hosts(_ watch: RuleWatch, _ ingress: UInt16 = 0) throws -> Set<String> {
        var hosts: Set<String> = []
        let isSound = try #require(watch.rules).table.view.forEach { place, isWildcard, name, _ in
            guard place.rawValue == ingress else { return }
            hosts.insert((isWildcard ? "." : "") + String(decoding: name, as: UTF8.self))
        }
        #expect(isSound)
        return hosts
    }

    @Test func filesStandBesideInlineRulesAndWinOverThem() throws {
        defer { remove() }
        try write("both.example \(Self.id)\n*.wild.example \(Self.id)\n")
        try write("b.example \(Self.id)", 1)
        let watch = watch()
        #expect(watch.start(now: tick(0)).isEmpty)
        #expect(try hosts(watch) == ["inline.example", "both.example", ".wild.example"])
        #expect(try hosts(watch, 1) == ["b.example"])
        let table = try #require(watch.rules).table
        #expect(table.rule(for: "both.example", in: IngressIndex(0)) == Self.route)
        #expect(table.resolve("x.wild.example", in: IngressIndex(0)) == Self.route)
        #expect(table.rule(for: "inline.example", in: IngressIndex(0))?.isPrivate == true)
        #expect(watch.nextLook == tick(500))
    }

    @Test func onlyWhatChangedIsReadAndTheRestStays() throws {
        defer { remove() }
        try write("one.example \(Self.id)\n")
        try write("b.example \(Self.id)\n", 1)
        let watch = watch()
        #expect(watch.start(now: tick(0)).isEmpty)
        #expect(watch.look(now: tick(500)) { _ in Issue.record("nothing has changed") }.isEmpty)
        try write("two.example \(Self.id)\nthree.example $\(Self.id)\n")
        let outcome = try outcome(watch, at: 1_000)
        #expect(outcome.faults.isEmpty)
        #expect(watch.take(outcome).isEmpty)
        #expect(try hosts(watch) == ["inline.example", "both.example", "two.example", "three.example"])
        #expect(try hosts(watch, 1) == ["b.example"])
        #expect(watch.nextLook == tick(1_500))
        #expect(watch.look(now: tick(1_500)) { _ in Issue.record("nothing has changed") }.isEmpty)
    }

    @Test func aBadFileStopsTheStartAndLaterNothing() throws {
        defer { remove() }
        try write("one.example \(Self.id)\nbroken\n")
        try write("b.example \(Self.id)\n", 1)
        let problem = "is no rule: write a host and a tunnel's id, separated by a blank"
        #expect(self.watch().start(now: tick(0)) == ["\(paths[0]):2: \(problem)"])
        try write("one.example \(Self.id)\n")
        let watch = watch()
        #expect(watch.start(now: tick(0)).isEmpty)
        // One is bad, the other good: that one is renewed.
        try write("new.example \(Self.id)\nbroken\n")
        try write("b-new.example \(Self.id)\n", 1)
        let news = try watch.take(outcome(watch, at: 500))
        #expect(news.count == 1)
        #expect(news[0].hasPrefix("\(paths[0]):2: "))
        #expect(try hosts(watch) == ["inline.example", "both.example", "one.example"])
        #expect(try hosts(watch, 1) == ["b-new.example"])
        #expect(watch.look(now: tick(1_000)) { _ in Issue.record("a bad file was read again") }.isEmpty)
        try write("new.example \(Self.id)\n")
        #expect(try watch.take(outcome(watch, at: 1_500)).isEmpty)
        #expect(try hosts(watch) == ["inline.example", "both.example", "new.example"])
    }

    @Test func aFileThatIsGoneIsSaidOnceAndComesBack() throws {
        defer { remove() }
        try write("one.example \(Self.id)\n")
        try write("", 1)
        let watch = watch()
        #expect(watch.start(now: tick(0)).isEmpty)
        try FileManager.default.removeItem(atPath: paths[0])
        let said = watch.look(now: tick(500)) { _ in Issue.record("nothing was there to be read") }
        #expect(said.count == 1)
        #expect(said.first?.contains(paths[0]) == true)
        #expect(watch.look(now: tick(1_000)) { _ in }.isEmpty)
        #expect(try hosts(watch).contains("one.example"))
        try write("two.example \(Self.id)\n")
        #expect(try watch.take(outcome(watch, at: 1_500)).isEmpty)
        #expect(try hosts(watch) == ["inline.example", "both.example", "two.example"])
        try FileManager.default.removeItem(atPath: paths[1])
        #expect(self.watch().start(now: tick(0)).first?.contains(paths[1]) == true, "nothing is there to start with")
    }

    @Test func aTableIsSealedAndAsLongAsItsRules() throws {
        defer { remove() }
        try write((0..<5_000).map { "h\($0).example \(Self.id)\nh\($0).example \(Self.id)\n" }.joined())
        try write("", 1)
        let watch = watch()
        #expect(watch.start(now: tick(0)).isEmpty)
        let rules = try #require(watch.rules)
        #expect(rules.table.count == 5_002)
        #expect(lseek(rules.file.descriptor, 0, SEEK_END) == off_t(rules.file.byteCount))
        #expect(ftruncate(rules.file.descriptor, 0) != 0)
        #expect(rules.table.rule(for: "h4999.example", in: IngressIndex(0)) == Self.route)
    }
}
