import Testing

@testable import Primitives
@testable import Wire

@Suite struct SmuxReaderTests {
    /// What a session's inbound half makes of pieces: payload joined per run, everything else as it is.
    private func steps(
        _ pieces: [[UInt8]], version: UInt8? = 2, speaksExtension: Bool = false
    ) -> (steps: [SmuxStep], data: [UInt32: [UInt8]], notice: [UInt8]) {
        var reader = SmuxReader(version: version, speaksExtension: speaksExtension)
        var steps: [SmuxStep] = []
        var data: [UInt32: [UInt8]] = [:]
        var notice: [UInt8] = []
        for piece in pieces {
            var cursor = 0
            loop: while true {
                let step = reader.next(piece.span.bytes, &cursor)
                switch step {
                case .needMore: break loop
                case .data(let stream, let offset, let count):
                    data[stream, default: []] += piece[offset..<offset + count]
                case .notice(let offset, let count, let isLast):
                    notice += piece[offset..<offset + count]
                    if isLast { steps.append(.notice(offset: 0, count: notice.count, isLast: true)) }
                case .broken:
                    steps.append(step)
                    return (steps, data, notice)
                default: steps.append(step)
                }
            }
        }
        return (steps, data, notice)
    }

    /// The example of protocol mux §6.
    private let example = hex(
        """
        02 00 00 00 03 00 00 00
        02 02 30 00 03 00 00 00
        01 00 00 2c 02 00 07 01 cb 00 71 07 c7 38
        02 00 1f 03 1b 62 37 64 65 38 38 61 39 34 37 32 39 62 39 33 31 2e 67 6f 73 74 2e 6c 6f 63 61 6c 00 50
        02 04 08 00 03 00 00 00 04 00 00 00 00 00 10 00
        02 01 00 00 03 00 00 00
        02 03 00 00 00 00 00 00
        """)

    @Test func readsTheExampleInEverySplit() {
        for pieces in cuts(of: example) {
            let result = steps(pieces)
            #expect(
                result.steps == [
                    .open(stream: 3), .window(stream: 3, consumed: 4, window: 1_048_576), .finish(stream: 3),
                    .keepAlive,
                ])
            #expect(result.data == [3: Array(example[16..<64])])
        }
    }

    @Test func lengthsOfBareCommandsAreIgnored() {
        let frames = hex("0200ffff03000000 0201ffff03000000 0203ffff00000000 0202000003000000 0200000005000000")
        #expect(
            steps([frames]).steps == [.open(stream: 3), .finish(stream: 3), .keepAlive, .open(stream: 5)])
    }

    @Test func windowUpdatesHaveEightBytesWhateverTheySay() {
        for version: UInt8 in [1, 2] {
            for length: UInt8 in [0, 8, 255] {
                let frames =
                    [version, 4, length, 0] + hex("03000000 01000000 02000000") + [version] + hex("03000000000000")
                #expect(
                    steps(frames.map { [$0] }, version: version).steps
                        == [.window(stream: 3, consumed: 1, window: 2), .keepAlive])
            }
        }
    }

    @Test func longestPayload() {
        let payload = (0..<65_535).map { UInt8(truncatingIfNeeded: $0) }
        let result = steps([hex("0202ffff07000000") + payload + hex("0203000000000000")])
        #expect(result.data == [7: payload])
        #expect(result.steps == [.keepAlive])
    }

    @Test func wrongVersionsBreakForGood() {
        for version in UInt8.min...UInt8.max where version != 2 {
            var reader = SmuxReader(version: 2)
            let bad = [version, 3, 0, 0, 0, 0, 0, 0]
            let good = hex("0203000000000000")
            var cursor = 0
            let first = reader.next(bad.span.bytes, &cursor)
            cursor = 0
            let second = reader.next(good.span.bytes, &cursor)
            #expect(first == .broken(.wrongVersion))
            #expect(second == .broken(.wrongVersion))
            #expect(cursor == 0)
        }
    }

    @Test func unknownCommandsBreak() {
        for command in UInt8.min...UInt8.max where command > 4 {
            let isExtension = (16...21).contains(command)
            let frame = [2, command, 0, 0, 0, 0, 0, 0]
            #expect(steps([frame]).steps == [.broken(.unknownCommand)])
            if !isExtension { #expect(steps([frame], speaksExtension: true).steps == [.broken(.unknownCommand)]) }
        }
    }

    @Test func anOuterSessionTakesTheVersionItsPeerSpeaks() {
        for version: UInt8 in [1, 2] {
            let frames = [version] + hex("03000000000000") + [version] + hex("00000003000000")
            #expect(steps([frames], version: nil).steps == [.keepAlive, .open(stream: 3)])
            let mixed = [version] + hex("03000000000000") + [3 - version] + hex("03000000000000")
            #expect(steps([mixed], version: nil).steps == [.keepAlive, .broken(.wrongVersion)])
        }
        #expect(steps([hex("0303000000000000")], version: nil).steps == [.broken(.wrongVersion)])
        #expect(steps([hex("0003000000000000")], version: nil).steps == [.broken(.wrongVersion)])
    }

    @Test func extensionFramesInEverySplit() {
        let notice = bytes("http://b7de88a94729b931.localhost:8080")
        var frames = hex("0210000003000000 0212000005000000 0213000000000000")
        frames += writing(12) {
            SmuxReset.write(to: $0.baseAddress!, version: 2, stream: 7, reason: 0xA1B2_C3D4)
            return SmuxReset.byteCount
        }!
        frames += writing(16) {
            SmuxInstance.write(to: $0.baseAddress!, version: 2, instance: 0x0102_0304_0506_0708)
            return SmuxInstance.byteCount
        }!
        frames += [2, 21, UInt8(notice.count), 0, 0, 0, 0, 0] + notice
        for pieces in cuts(of: frames) {
            let result = steps(pieces, speaksExtension: true)
            #expect(
                result.steps == [
                    .halfClose(stream: 3), .opened(stream: 5), .goAway, .reset(stream: 7, reason: 0xA1B2_C3D4),
                    .instance(0x0102_0304_0506_0708), .notice(offset: 0, count: notice.count, isLast: true),
                ])
            #expect(result.notice == notice)
        }
        #expect(
            steps([hex("0215000000000000")], speaksExtension: true).steps == [
                .notice(offset: 0, count: 0, isLast: true)
            ])
    }

    @Test(arguments: [
        "0210010003000000", "0212010003000000", "0213010000000000", "0211030003000000",
        "0211050003000000", "0214070000000000", "0214090000000000", "0215010200000000",
    ])
    func extensionLengthsAreStrict(frame: String) {
        #expect(steps([hex(frame)], speaksExtension: true).steps == [.broken(.badExtensionLength)])
    }

    @Test func headersAreWrittenAndRead() {
        for version: UInt8 in [1, 2] {
            for command: SmuxCommand in [.open, .finish, .data, .keepAlive, .windowUpdate, .halfClose, .notice] {
                let written = writing(8) {
                    SmuxHeader.write(
                        to: $0.baseAddress!, version: version, command: command, length: 0xABCD, stream: 0xFEDC_BA98)
                    return 8
                }!
                #expect(written == [version, command.rawValue, 0xCD, 0xAB, 0x98, 0xBA, 0xDC, 0xFE])
                var cursor = 0
                let header = SmuxHeader.read(written.span.bytes, &cursor)
                #expect(header == SmuxHeader(version: version, command: command, length: 0xABCD, stream: 0xFEDC_BA98))
                #expect(cursor == 8)
            }
        }
    }

    @Test func isSmall() { #expect(MemoryLayout<SmuxReader>.size <= 32) }
}
