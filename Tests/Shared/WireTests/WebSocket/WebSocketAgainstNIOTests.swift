import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import Primitives
@testable import Wire

/// Our frames against NIOWebSocket, an independent implementation: what we write it reads, what it writes we read.
@Suite struct WebSocketAgainstNIOTests {
    private static let counts = [0, 1, 4, 5, 124, 125, 126, 127, 1_000, 4_096, 65_535, 65_536, 100_000]

    private func payload(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ count) } }

    @Test(arguments: counts, [nil, 0xA1B2_C3D4 as UInt32?]) func nioReadsOurs(count: Int, key: UInt32?) throws {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 20)))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let opcodes: [(Wire.WebSocketOpcode, NIOWebSocket.WebSocketOpcode)] = [
            (.binary, .binary), (.text, .text), (.ping, .ping), (.pong, .pong),
        ]
        for (ours, theirs) in opcodes where count <= 125 || ours == .binary || ours == .text {
            try channel.writeInbound(ByteBuffer(bytes: frame(ours, payload(count), key: key)))
            let read = try #require(try channel.readInbound(as: WebSocketFrame.self))
            #expect(read.opcode == theirs)
            #expect(read.fin)
            #expect((read.maskKey != nil) == (key != nil))
            #expect(Array(read.unmaskedData.readableBytesView) == payload(count))
        }
    }

    @Test(arguments: counts, [true, false]) func weReadNIOs(count: Int, masked: Bool) throws {
        let channel = EmbeddedChannel(handler: WebSocketFrameEncoder())
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        let key = masked ? WebSocketMaskingKey([0x11, 0xF2, 0x33, 0xD4]) : nil
        var stream: [UInt8] = []
        for part in [payload(count), payload(3)] {
            let frame = WebSocketFrame(fin: true, opcode: .binary, maskKey: key, data: ByteBuffer(bytes: part))
            try channel.writeOutbound(frame)
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
                stream += Array(buffer.readableBytesView)
            }
        }
        let expected = FrameReading.Event.payload(payload(count) + payload(3))
        #expect(FrameReading.of([stream], role: masked ? .server : .client).events == [expected])
    }
}
