import StoreVocabulary
import Testing

@testable import Redis

/// Messages of channels, and what they say of keys.
struct PushedMessageTests {
    private func message(_ channel: String, _ payload: StoreReply) -> StoreReply {
        .list([.bytes(Array("message".utf8)), .bytes(Array(channel.utf8)), payload])
    }

    @Test func onlyMessagesAreMessages() {
        #expect(PushedMessage(message("c", .none))?.payload == StoreReply.none)
        #expect(PushedMessage(message("c", .bytes([1])))?.channel == Array("c".utf8))
        for reply: StoreReply in [
            .status("message"), .list([]), .list([.bytes(Array("subscribe".utf8)), .bytes([1]), .number(1)]),
            .list([.bytes(Array("message".utf8)), .bytes([1])]), .list([.bytes(Array("message".utf8)), .none, .none]),
        ] { #expect(PushedMessage(reply) == nil) }
    }

    @Test func keysAreGatheredOnce() {
        var invalidation = Invalidation()
        #expect(invalidation.isEmpty)
        invalidation.add(.list([.bytes([2]), .bytes([1])]))
        invalidation.add(.list([.bytes([1]), .bytes([3])]))
        #expect(invalidation.keys == [[2], [1], [3]])
        #expect(!invalidation.isWhole)
    }

    @Test(arguments: [StoreReply.none, .status("OK"), .list([.number(1)])])
    func everythingElseIsEverything(payload: StoreReply) {
        var invalidation = Invalidation()
        invalidation.add(.list([.bytes([1])]))
        invalidation.add(payload)
        invalidation.add(.list([.bytes([2])]))
        #expect(invalidation.isWhole)
        #expect(invalidation.keys.isEmpty)
    }
}
