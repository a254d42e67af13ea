import Model
import Primitives
import Testing

@testable import Worker

/// The table of sources that guess: bounded, and nobody's neighbour.
@Suite struct FailedLoginsTests {
    private func address(_ number: UInt32) -> SocketAddress { SocketAddress(ipv4: number, port: 1) }
    private func tick(_ milliseconds: UInt64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

    @Test func failuresAreCountedPerSource() {
        var logins = FailedLogins(salt: 5)
        #expect((logins.failed(address(1), now: tick(10))) == 1)
        #expect((logins.failed(SocketAddress(ipv4: 1, port: 999), now: tick(20))) == 2)
        #expect((logins.failed(address(2), now: tick(30))) == 1)
        #expect((logins.pending(address(1))) == 2)
        logins.refused(address(1))
        #expect((logins.pending(address(1))) == 1)
        #expect((logins.pending(address(3))) == 0)
        logins.refused(address(3))
        #expect((logins.failed(address(1), now: tick(60_019))) == 3)
        #expect((logins.failed(address(1), now: tick(120_100))) == 1)
    }

    /// One network of IPv6 has more addresses than anybody can count: it is one source.
    @Test func anIPv6NetworkIsOneSource() {
        var logins = FailedLogins(salt: 5)
        for number in 0..<10 as Range<UInt64> {
            let source = SocketAddress(high: 0x2001_0DB8_0000_0001, low: number &* 0x1_0000_0001, port: 1)
            #expect((logins.failed(source, now: tick(1))) == Int(number) + 1)
        }
        #expect((logins.failed(SocketAddress(high: 0x2001_0DB8_0000_0002, low: 0, port: 1), now: tick(1))) == 1)
    }

    @Test func manySourcesMakeRoomForEachOther() {
        var logins = FailedLogins(salt: 5)
        for number in 0..<100_000 as Range<UInt32> {
            #expect((logins.failed(address(number), now: tick(UInt64(number)))) == 1)
        }
        // The last one is known, whoever made room.
        #expect((logins.pending(address(99_999))) == 1)
    }
}
