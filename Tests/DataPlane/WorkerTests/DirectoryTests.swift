import Model
import Primitives
import Testing
import Worker

/// Which connector of a tunnel is chosen, and what stays when connectors leave.
@Suite struct DirectoryTests {
    private static let tunnel = TunnelID(high: 7, low: 9)

    private func entry(_ number: UInt64, weight: UInt8 = 0, isUDP: Bool = false, worker: Int = 0) -> ConnectorEntry {
        ConnectorEntry(
            connector: ConnectorID(high: number, low: ~number), worker: worker, isUDP: isUDP, weight: weight,
            service: ServiceIndex(0), link: UInt32(number), linkGeneration: 0)
    }

    private func directory(perTunnel: Int = 8) -> Directory {
        Directory(tunnelsMax: 4, connectorsMax: 16, connectorsPerTunnelMax: perTunnel)
    }

    /// How often each of the entries was chosen in 10,000.
    private func choices(_ directory: borrowing Directory, _ wish: Directory.Wish = .init()) -> [UInt32: Int] {
        var random = Random(seed: 1)
        var counts: [UInt32: Int] = [:]
        for _ in 0..<10_000 {
            guard let chosen = directory.choose(DirectoryTests.tunnel, wish, &random) else { break }
            counts[chosen.link, default: 0] += 1
        }
        return counts
    }

    @Test func weightsAreProportions() {
        var directory = directory()
        for (number, weight) in [(1, 0), (2, 1), (3, 8)] as [(UInt64, UInt8)] {
            #expect(directory.add(entry(number, weight: weight), to: DirectoryTests.tunnel) == .added)
        }
        let counts = choices(directory)
        #expect(abs((counts[1] ?? 0) - 1_000) < 150)
        #expect(abs((counts[2] ?? 0) - 1_000) < 150)
        #expect(abs((counts[3] ?? 0) - 8_000) < 200)
    }

    @Test func weight255TakesOver() {
        var directory = directory()
        for (number, weight) in [(1, 10), (2, 255), (3, 254), (4, 255)] as [(UInt64, UInt8)] {
            _ = directory.add(entry(number, weight: weight), to: DirectoryTests.tunnel)
        }
        #expect(Set(choices(directory).keys) == [2, 4])
        #expect((directory.remove(entry(2).connector)) == true)
        #expect(Set(choices(directory).keys) == [4])
        #expect((directory.remove(entry(4).connector)) == true)
        #expect(Set(choices(directory).keys) == [1, 3])
    }

    @Test func datagramsAndStreamsAreKeptApart() {
        var directory = directory()
        _ = directory.add(entry(1), to: DirectoryTests.tunnel)
        _ = directory.add(entry(2, weight: 255, isUDP: true), to: DirectoryTests.tunnel)
        #expect(Set(choices(directory).keys) == [1])
        var wish = Directory.Wish()
        wish.isUDP = true
        #expect(Set(choices(directory, wish).keys) == [2])
    }

    @Test func wishesAreKept() {
        var directory = directory()
        for number in 1...3 as ClosedRange<UInt64> {
            _ = directory.add(entry(number, worker: Int(number) - 1), to: DirectoryTests.tunnel)
        }
        var wish = Directory.Wish()
        wish.avoiding = entry(2).connector
        #expect(Set(choices(directory, wish).keys) == [1, 3])
        wish.onlyWorker = 2
        #expect(Set(choices(directory, wish).keys) == [3])
        wish.onlyWorker = 1
        #expect(choices(directory, wish).isEmpty)
    }

    @Test(arguments: [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3], [3, 1, 4, 2]] as [[UInt64]])
    func connectorsLeaveInAnyOrder(_ order: [UInt64]) {
        var directory = directory()
        for number in 1...4 as ClosedRange<UInt64> { _ = directory.add(entry(number), to: DirectoryTests.tunnel) }
        var left: Set<UInt32> = [1, 2, 3, 4]
        for number in order {
            #expect((directory.isKnown(DirectoryTests.tunnel, isUDP: false)) == true)
            #expect((directory.remove(entry(number).connector)) == true)
            #expect((directory.remove(entry(number).connector)) == false)
            left.remove(UInt32(number))
            #expect(Set(choices(directory).keys) == left)
        }
        #expect((directory.isKnown(DirectoryTests.tunnel, isUDP: false)) == false)
        #expect(directory.tunnelCount == 0)
        #expect(directory.connectorCount == 0)
    }

    @Test func limitsAreAnswers() {
        var directory = directory(perTunnel: 2)
        #expect(directory.add(entry(1), to: DirectoryTests.tunnel) == .added)
        #expect(directory.add(entry(1), to: DirectoryTests.tunnel) == .added)
        #expect(directory.connectorCount == 1)
        #expect(directory.add(entry(2), to: DirectoryTests.tunnel) == .added)
        #expect(directory.add(entry(3), to: DirectoryTests.tunnel) == .connectorsFull)
        for number in 10..<13 as Range<UInt64> {
            #expect(directory.add(entry(number), to: TunnelID(high: number, low: 1)) == .added)
        }
        #expect(directory.add(entry(20), to: TunnelID(high: 99, low: 1)) == .tunnelsFull)
        #expect(directory.tunnelCount == 4)
    }
}
