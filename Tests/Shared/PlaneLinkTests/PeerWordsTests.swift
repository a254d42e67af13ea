import Model
import PlaneLink
import Primitives
import Testing

/// What control planes tell each other: byte for byte, within its bounds, and whatever a stranger makes of it.
@Suite struct PeerWordsTests {
    private func chunk(_ statements: [PeerWords.Statement]) -> [UInt8] {
        var writer = PeerWordsWriter(epoch: 0x0102_0304_0506_0708, list: 3, number: 4)
        for statement in statements {
            let isAdded = writer.add(statement)
            #expect(isAdded)
        }
        #expect(writer.count == statements.count)
        return writer.bytes
    }

    /// A chunk of one statement's bytes.
    private func chunk(kind: UInt8, _ body: [UInt8]) -> [UInt8] {
        chunk([]) + [kind, UInt8(body.count & 0xFF), UInt8(body.count >> 8)] + body
    }

    @Test func aChunkIsWhatIsWrittenOfIt() throws {
        let bytes = chunk(Samples.statements)
        #expect(bytes.hex == [UInt8](hex: Transcripts.peerWords).hex)
        let words = try PeerWords(bytes)
        #expect(words.epoch == 0x0102_0304_0506_0708 && words.list == 3 && words.number == 4)
        #expect(words.statements == Samples.statements)
    }

    @Test func aChunkThatIsCutIsAFault() {
        let bytes = chunk(Samples.statements)
        // Between two statements it may end: the number of what comes next shows what is missing.
        var ends: Set<Int> = []
        for count in 0...Samples.statements.count { ends.insert(chunk(Array(Samples.statements.prefix(count))).count) }
        for count in 0..<bytes.count where !ends.contains(count) {
            #expect(throws: PeerWordsFault.malformed, "\(count) bytes") { try PeerWords(Array(bytes.prefix(count))) }
        }
    }

    @Test func whatANewerSideSaysIsSkipped() throws {
        var bytes = chunk(kind: 99, [1, 2, 3])
        bytes += chunk([.again]).dropFirst(17)
        #expect(try PeerWords(bytes).statements == [.again])
        // A member behind those that are known.
        let gone = chunk([.name(ingress: "i", key: "k", nil)])
        let body = Array(gone.dropFirst(20)) + [7, 7]
        #expect(try PeerWords(chunk(kind: 4, body)).statements == [.name(ingress: "i", key: "k", nil)])
        bytes[0] = 2
        #expect(throws: PeerWordsFault.unknownVersion) { try PeerWords(bytes) }
    }

    @Test func whatCannotBeIsAFault() {
        let nobody = [UInt8](repeating: 0, count: 16)
        let tunnel = [UInt8](repeating: 5, count: 16)
        let bodies: [(UInt8, [UInt8])] = [
            // The tunnel of nobody; a data plane too many; a connector at one that was not named; more than there may be.
            (3, nobody + [0, 0, 0]), (3, tunnel + [17] + Array(repeating: UInt8(0), count: 19)),
            (3, tunnel + [0, 1, 0] + nobody + [0, 0, 1]), (3, tunnel + [0, 1, 1]),
            // Neither TCP nor UDP.
            (3, tunnel + [1, 1, 0x61, 1, 0] + nobody + [0, 2, 1]),
            // A name without a text, of nobody, and of a kind that there is not.
            (4, [1, 0xFF, 1, 0x6B, 0]), (4, [1, 0x69, 0, 0]), (4, [1, 0x69, 1, 0x6B, 1] + nobody),
            (4, [1, 0x69, 1, 0x6B, 3] + tunnel),
        ]
        let crowd = [UInt8](repeating: 0, count: 2 * (PeerWords.planesMax + 1))
        #expect(throws: PeerWordsFault.malformed) {
            try PeerWords(chunk(kind: 5, [1, UInt8(PeerWords.planesMax + 1)] + crowd))
        }
        for (kind, body) in bodies {
            #expect(throws: PeerWordsFault.malformed, "\(kind) \(body)") { try PeerWords(chunk(kind: kind, body)) }
        }
        #expect(throws: PeerWordsFault.oversized) {
            try PeerWords(chunk(kind: 99, Array(repeating: 0, count: PeerWords.bytesMax)))
        }
    }

    /// As much as a tunnel and a name may be at most goes into a chunk; what does not fit leaves it as it was.
    @Test func theLargestStatementFits() throws {
        let planes = (0..<PeerWords.planesMax).map { String(repeating: "p", count: 126) + "\(10 + $0)" }
        let connectors = (0..<PeerWords.connectorsMax).map {
            PeerWords.Connector(
                id: ConnectorID(high: 1, low: UInt64($0)), plane: planes[$0 % planes.count], isUDP: false, weight: 1)
        }
        let large = PeerWords.Statement.tunnel(Samples.tunnel, connectors)
        let name = PeerWords.Statement.name(
            ingress: String(repeating: "i", count: 255), key: String(repeating: "k", count: 255),
            Route(tunnel: Samples.tunnel, isPrivate: false))
        #expect(PeerWordsWriter.canSay(large) && PeerWordsWriter.canSay(name))
        var writer = PeerWordsWriter(epoch: 1, list: 1, number: 0)
        let isAdded = writer.add(large)
        let before = writer.bytes
        let isAddedAgain = writer.add(large)
        #expect(isAdded && !isAddedAgain)
        #expect(writer.bytes == before && writer.count == 1)
        while writer.add(name) {}
        #expect(writer.bytes.count <= PeerWords.bytesMax)
        #expect(try PeerWords(writer.bytes).statements.count == writer.count)
    }

    @Test func mutationsAreWordsOrFaults() {
        var random = Random(seed: 12)
        let whole = chunk(Samples.statements)
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0...random.below(4) { bytes[Int(random.below(UInt32(bytes.count)))] = UInt8(random.below(256)) }
            if random.below(4) == 0 { bytes.removeLast(Int(random.below(UInt32(bytes.count)))) }
            guard let words = try? PeerWords(bytes) else { continue }
            // What was read is said in the same words.
            var writer = PeerWordsWriter(epoch: words.epoch, list: words.list, number: words.number)
            for statement in words.statements {
                let isAdded = writer.add(statement)
                #expect(isAdded)
            }
            #expect((try? PeerWords(writer.bytes)) == words)
        }
    }
}
