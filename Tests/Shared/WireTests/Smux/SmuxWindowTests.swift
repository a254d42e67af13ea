import Testing

@testable import Wire

@Suite struct SmuxSendWindowTests {
    @Test func stopsAtTheInitialWindow() {
        var window = SmuxSendWindow()
        #expect(window.allowed == 262_144)
        window.spend(262_144)
        #expect(window.allowed == 0)
    }

    @Test func updatesAreAbsolute() {
        var window = SmuxSendWindow()
        window.spend(1_000)
        var isGood = window.update(consumed: 4, window: 65_536)
        #expect(isGood)
        // The stock server stops at exactly 65,540 after UPD{4, 65536}.
        #expect(window.allowed == 65_540 - 1_000)
        window.spend(64_540)
        #expect(window.allowed == 0)
        isGood = window.update(consumed: 65_540, window: 1)
        #expect(isGood)
        #expect(window.allowed == 1)
    }

    @Test func aSmallerWindowThanInFlightAllowsNothing() {
        var window = SmuxSendWindow()
        window.spend(10_000)
        let isGood = window.update(consumed: 0, window: 5_000)
        #expect(isGood)
        #expect(window.allowed == 0)
    }

    @Test func consumingMoreThanSentIsTheirFault() {
        var window = SmuxSendWindow()
        window.spend(100)
        var isGood = window.update(consumed: 101, window: 65_536)
        #expect(!isGood)
        isGood = window.update(consumed: 100, window: 65_536)
        #expect(isGood)
    }

    @Test func countersWrapAround() {
        var window = SmuxSendWindow()
        var sent: UInt64 = 0
        while sent < 5 << 32 {
            let step = min(window.allowed, 200_000_000)
            #expect(step > 0)
            window.spend(step)
            sent += UInt64(step)
            let isGood = window.update(
                consumed: UInt32(truncatingIfNeeded: sent - 7 * UInt64(min(sent, 1))), window: 1 << 30)
            #expect(isGood || sent < 7)
        }
        #expect(window.written == UInt32(truncatingIfNeeded: sent))
        #expect(window.inFlight == 7)
    }

    @Test func theLargestWindowDoesNotOverflow() {
        var window = SmuxSendWindow()
        let isGood = window.update(consumed: 0, window: .max)
        #expect(isGood)
        #expect(window.allowed == .max)
    }
}

@Suite struct SmuxReceiveWindowTests {
    @Test func acceptsTheInitialCreditAndNotAByteMore() {
        var window = SmuxReceiveWindow()
        var fits = window.receive(262_144)
        #expect(fits)
        fits = window.receive(1)
        #expect(!fits)
        #expect(window.unread == 262_144)
    }

    @Test func theFirstDeliveryIsAnnouncedThenEveryHalfWindow() {
        var window = SmuxReceiveWindow()
        #expect(!window.isUpdateDue(window: 65_536))
        _ = window.receive(40_000)
        window.consume(4)
        #expect(window.isUpdateDue(window: 65_536))
        window.announce(window: 65_536)
        #expect(!window.isUpdateDue(window: 65_536))
        window.consume(32_767)
        #expect(!window.isUpdateDue(window: 65_536))
        window.consume(1)
        #expect(window.isUpdateDue(window: 65_536))
    }

    /// A large window that comes in one burst is granted again nearly whole, whatever the pieces it is delivered in.
    @Test(arguments: [16_352 as UInt32, 100_000, 1_000_003])
    func aBurstOfALargeWindowIsGrantedAgain(piece: UInt32) {
        let size: UInt32 = 16_777_216
        var window = SmuxReceiveWindow()
        _ = window.receive(4)
        window.consume(4)
        window.announce(window: size)
        var granted = window.grantedEnd
        for _ in 0..<20 {
            _ = window.receive(granted &- window.received)
            while window.unread > 0 {
                window.consume(min(piece, window.unread))
                if window.isUpdateDue(window: size) { window.announce(window: size) }
            }
            #expect(window.grantedEnd &- granted >= size / 8 * 6)
            granted = window.grantedEnd
        }
    }

    @Test func shrinkingTakesNothingBack() {
        var window = SmuxReceiveWindow()
        _ = window.receive(100)
        window.consume(100)
        window.announce(window: 1_000)
        var fits = window.receive(262_144 - 100)
        #expect(fits, "the peer may have sent this before it read the update")
        fits = window.receive(1)
        #expect(!fits)
    }

    @Test func growingGrants() {
        var window = SmuxReceiveWindow()
        _ = window.receive(4)
        window.consume(4)
        window.announce(window: 1_048_576)
        var fits = window.receive(1_048_576)
        #expect(fits)
        fits = window.receive(1)
        #expect(!fits)
    }

    @Test func aWindowOfZeroIsAnnouncedOnce() {
        var window = SmuxReceiveWindow()
        _ = window.receive(10)
        window.consume(10)
        window.announce(window: 0)
        #expect(!window.isUpdateDue(window: 0))
        window.consume(0)
        #expect(!window.isUpdateDue(window: 0))
    }

    /// Sender and receiver over 20 GiB: the counters wrap several times, neither ever disagrees with the other.
    @Test func bothHalvesAgreeAcrossWrapAround() {
        var sender = SmuxSendWindow()
        var receiver = SmuxReceiveWindow()
        var moved: UInt64 = 0
        var step: UInt32 = 1
        while moved < 5 << 32 {
            step = step &* 1_664_525 &+ 1_013_904_223
            let count = min(sender.allowed, step >> 3)
            sender.spend(count)
            let fits = receiver.receive(count)
            #expect(fits)
            receiver.consume(receiver.unread)
            moved += UInt64(count)
            if receiver.isUpdateDue(window: 1 << 30) {
                receiver.announce(window: 1 << 30)
                let isGood = sender.update(consumed: receiver.consumed, window: 1 << 30)
                #expect(isGood)
            }
        }
        #expect(sender.written == receiver.received)
    }
}
