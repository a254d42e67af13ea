import StoreVocabulary
import Testing

@testable import ControlShell

/// What waits for the plane loop: in order, joined, bounded.
struct StoreInboxTests {
    private static let first = StoreID(0), second = StoreID(1)

    private func key(_ number: Int) -> [UInt8] { Array("key-\(number)".utf8) }

    @Test func changesThatFollowEachOtherAreOne() {
        var inbox = StoreInbox()
        inbox.put(.up(Self.first, version: 1))
        inbox.put(.changed(Self.first, keys: [key(1), key(2)]))
        inbox.put(.changed(Self.first, keys: [key(2), key(3)]))
        inbox.put(.changed(Self.second, keys: [key(2)]))
        inbox.put(.answered(Self.first, batch: 1, .replies([])))
        inbox.put(.changed(Self.first, keys: [key(1)]))
        #expect(
            inbox.takeAll() == [
                .up(Self.first, version: 1), .changed(Self.first, keys: [key(1), key(2), key(3)]),
                .changed(Self.second, keys: [key(2)]), .answered(Self.first, batch: 1, .replies([])),
                // Told after the answer, which may be older than the change.
                .changed(Self.first, keys: [key(1)]),
            ])
        #expect(inbox.takeAll().isEmpty)
    }

    @Test func moreThanCanBeKeptIsEverything() {
        var inbox = StoreInbox()
        inbox.put(.changed(Self.second, keys: [key(0)]))
        for number in 0..<StoreInbox.keysMax { inbox.put(.changed(Self.first, keys: [key(number)])) }
        #expect(inbox.takeAll().count == 2)

        inbox.put(.changed(Self.second, keys: [key(0)]))
        for round in 0..<3 {
            inbox.put(.changed(Self.first, keys: (0...StoreInbox.keysMax).map(key)))
            inbox.put(.trackingLost(Self.first))
            inbox.put(.changed(Self.first, keys: [key(round)]))
        }
        let events = inbox.takeAll()
        #expect(
            events == [
                .changed(Self.second, keys: [key(0)]), .trackingLost(Self.first), .trackingLost(Self.first),
                .flushed(Self.first), .trackingLost(Self.first), .changed(Self.first, keys: [key(2)]),
            ])
    }
}
