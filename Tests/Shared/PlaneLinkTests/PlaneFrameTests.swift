import Model
import PlaneLink
import Primitives
import Testing

/// The frame reader under every split, with bounds, and with kinds it does not know.
struct PlaneFrameTests {
    private func frames(_ bytes: [UInt8], pieces: [Int]) -> (frames: [PlaneFrame], last: PlaneFrameReader.Step) {
        var reader = PlaneFrameReader()
        var frames: [PlaneFrame] = []
        var position = 0
        var last = PlaneFrameReader.Step.needMore
        for piece in pieces + [bytes.count] {
            let end = min(position + piece, bytes.count)
            reader.receive(Array(bytes[position..<end]))
            position = end
            while true {
                last = reader.next()
                guard case .frame(let frame) = last else { break }
                frames.append(frame)
            }
        }
        return (frames, last)
    }

    @Test func everySplitGivesTheSameFrames() {
        var bytes: [UInt8] = []
        for message in Samples.toData { message.encode(to: &bytes) }
        let whole = frames(bytes, pieces: [])
        #expect(whole.frames.count == Samples.toData.count)
        #expect(whole.last == .needMore)
        for cut in 0...bytes.count {
            #expect(frames(bytes, pieces: [cut]).frames == whole.frames)
        }
        #expect(frames(bytes, pieces: Array(repeating: 1, count: bytes.count)).frames == whole.frames)
    }

    @Test func aFrameBeyondTheBoundBreaksTheLinkForGood() {
        var reader = PlaneFrameReader()
        reader.receive([1, 0, 0x10, 0, 9, 0])
        #expect(reader.next() == .broken(.oversized(bytes: 0x10_0001)))
        reader.receive([0, 0, 0, 0, 9, 0])
        #expect(reader.next() == .broken(.oversized(bytes: 0x10_0001)))
    }

    @Test func theLongestFramePasses() {
        var reader = PlaneFrameReader()
        reader.receive([0, 0, 0x10, 0, 9, 0] + [UInt8](repeating: 7, count: PlaneFrame.bodyBytesMax - 1))
        #expect(reader.next() == .needMore)
        reader.receive([7])
        let body = [UInt8](repeating: 7, count: PlaneFrame.bodyBytesMax)
        #expect(reader.next() == .frame(PlaneFrame(kind: 9, body: body)))
        #expect(reader.pendingBytes == 0)
    }

    @Test func unknownKindsAreSkippedAndSayWhetherADescriptorCame() throws {
        let plain = PlaneFrame(kind: 0x7FFF, body: [1, 2, 3]), carrying = PlaneFrame(kind: 0xFFFF, body: [])
        #expect(try ControlToData.decode(plain) == nil)
        #expect(try DataToControl.decode(carrying) == nil)
        #expect(!plain.carriesDescriptor)
        #expect(carrying.carriesDescriptor)
    }

    @Test func theBusiestDeltaFitsIntoAFrame() {
        let host = InlineText(String(repeating: "h", count: 255))!
        let change = RouteChange(
            ingress: IngressIndex(1), host: host, route: Route(tunnel: Samples.tunnel, isPrivate: false))
        var bytes: [UInt8] = []
        ControlToData.routeDelta(generation: 1, Array(repeating: change, count: RouteChange.perMessageMax))
            .encode(to: &bytes)
        #expect(bytes.count <= PlaneFrame.headBytes + PlaneFrame.bodyBytesMax)
    }
}
