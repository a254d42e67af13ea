import Model
import PlaneLink
import Primitives
import Testing

/// Every message comes back as it went, older and newer sides understand each other, and damaged bytes are faults.
struct PlaneMessageTests {
    private func frames(_ bytes: [UInt8]) -> [PlaneFrame] {
        var reader = PlaneFrameReader()
        reader.receive(bytes)
        var frames: [PlaneFrame] = []
        while case .frame(let frame) = reader.next() { frames.append(frame) }
        return frames
    }

    /// What release 1.0 says, byte for byte. A change that breaks this breaks every data plane in the field: such a
    /// change needs a new kind or a new major.
    @Test func theRecordedTranscriptOfVersionOneIsStillSpoken() throws {
        var control: [UInt8] = [], data: [UInt8] = []
        for message in Samples.toData { message.encode(to: &control) }
        for message in Samples.toControl { message.encode(to: &data) }
        #expect(control.hex == [UInt8](hex: Transcripts.controlToDataV1).hex)
        #expect(data.hex == [UInt8](hex: Transcripts.dataToControlV1).hex)
        #expect(
            try frames([UInt8](hex: Transcripts.controlToDataV1)).map { try ControlToData.decode($0) } == Samples.toData
        )
        #expect(
            try frames([UInt8](hex: Transcripts.dataToControlV1)).map { try DataToControl.decode($0) }
                == Samples.toControl)
    }

    @Test func whatIsSaidOfTrustIsStillSpoken() throws {
        var control: [UInt8] = []
        for message in Samples.trust { message.encode(to: &control) }
        #expect(control.hex == [UInt8](hex: Transcripts.trust).hex)
        #expect(
            try frames([UInt8](hex: Transcripts.trust)).map { try ControlToData.decode($0) }
                == Samples.trust)
    }

    /// What 1.4 added, byte for byte.
    @Test func theRecordedTranscriptOfVersionOneFourIsStillSpoken() throws {
        var control: [UInt8] = []
        for message in Samples.toDataOneFour { message.encode(to: &control) }
        #expect(control.hex == [UInt8](hex: Transcripts.controlToDataMinor4).hex)
        let decoded = try frames(control).map { try ControlToData.decode($0) }
        #expect(decoded == Samples.toDataOneFour)
        #expect(frames(control)[0].carriesDescriptor)
    }

    /// A network of more bits than there are, and more networks than a node believes.
    @Test func trustThatCannotBeIsAFault() throws {
        var bytes: [UInt8] = []
        Samples.trust[0].encode(to: &bytes)
        var frame = frames(bytes)[0]
        frame.body[frame.body.count - 1] = 129
        #expect(throws: PlaneFault.self) { try ControlToData.decode(frame) }
        bytes = []
        let many = Array(repeating: AddressPrefix("10.0.0.0/8")!, count: TrustedProxies.countMax + 1)
        ControlToData.trust(PlaneTrust(proxies: many)).encode(to: &bytes)
        #expect(throws: PlaneFault.self) { try ControlToData.decode(frames(bytes)[0]) }
    }

    /// What 1.1 added, byte for byte.
    @Test func theRecordedTranscriptOfVersionOneOneIsStillSpoken() throws {
        var control: [UInt8] = []
        for message in Samples.toDataOneOne { message.encode(to: &control) }
        #expect(control.hex == [UInt8](hex: Transcripts.controlToDataMinor1).hex)
        #expect(
            try frames([UInt8](hex: Transcripts.controlToDataMinor1)).map { try ControlToData.decode($0) }
                == Samples.toDataOneOne)
    }

    @Test func whatIsSaidOfPeerLinksIsStillSpoken() throws {
        var control: [UInt8] = []
        for message in Samples.peering { message.encode(to: &control) }
        #expect(control.hex == [UInt8](hex: Transcripts.peering).hex)
        #expect(
            try frames([UInt8](hex: Transcripts.peering)).map { try ControlToData.decode($0) } == Samples.peering)
        // Whoever prints a message prints no secret.
        #expect(!"\(Samples.peering)".contains("144964"))
    }

    @Test func whatIsSaidOfLeavingIsStillSpoken() throws {
        var control: [UInt8] = [], data: [UInt8] = []
        for message in Samples.leaving.toData { message.encode(to: &control) }
        for message in Samples.leaving.toControl { message.encode(to: &data) }
        #expect(control.hex == Transcripts.leaving.toData)
        #expect(data.hex == Transcripts.leaving.toControl)
        #expect(try frames(control).map { try ControlToData.decode($0) } == Samples.leaving.toData)
        #expect(try frames(data).map { try DataToControl.decode($0) } == Samples.leaving.toControl)
    }

    /// What 1.2 added, byte for byte, in both directions.
    @Test func theRecordedTranscriptOfVersionOneTwoIsStillSpoken() throws {
        var control: [UInt8] = [], data: [UInt8] = []
        for message in Samples.toDataOneTwo { message.encode(to: &control) }
        for message in Samples.toControlOneTwo { message.encode(to: &data) }
        #expect(control.hex == [UInt8](hex: Transcripts.controlToDataMinor2).hex)
        #expect(data.hex == [UInt8](hex: Transcripts.dataToControlMinor2).hex)
        #expect(
            try frames([UInt8](hex: Transcripts.controlToDataMinor2)).map { try ControlToData.decode($0) }
                == Samples.toDataOneTwo)
        #expect(
            try frames([UInt8](hex: Transcripts.dataToControlMinor2)).map { try DataToControl.decode($0) }
                == Samples.toControlOneTwo)
    }

    /// What 1.3 added, byte for byte, in both directions.
    @Test func theRecordedTranscriptOfVersionOneThreeIsStillSpoken() throws {
        var control: [UInt8] = [], data: [UInt8] = []
        for message in Samples.toDataOneThree { message.encode(to: &control) }
        for message in Samples.toControlOneThree { message.encode(to: &data) }
        #expect(control.hex == [UInt8](hex: Transcripts.controlToDataMinor3).hex)
        #expect(data.hex == [UInt8](hex: Transcripts.dataToControlMinor3).hex)
        #expect(
            try frames([UInt8](hex: Transcripts.controlToDataMinor3)).map { try ControlToData.decode($0) }
                == Samples.toDataOneThree)
        #expect(
            try frames([UInt8](hex: Transcripts.dataToControlMinor3)).map { try DataToControl.decode($0) }
                == Samples.toControlOneThree)
    }

    /// More words than a chunk has are none.
    @Test func wordsHaveTheirLimit() throws {
        var writer = PlaneByteWriter()
        writer.put(Samples.node)
        writer.put(bytes: Array(repeating: UInt8(0), count: PeerWords.bytesMax))
        #expect(try DataToControl.decode(PlaneFrame(kind: 12, body: writer.bytes)) != nil)
        writer = PlaneByteWriter()
        writer.put(Samples.node)
        writer.put(bytes: Array(repeating: UInt8(0), count: PeerWords.bytesMax + 1))
        #expect(throws: PlaneFault.badValue(kind: 12)) {
            try DataToControl.decode(PlaneFrame(kind: 12, body: writer.bytes))
        }
    }

    /// Words that only a newer control plane has are taken for the least that they can mean; lists have their limits.
    @Test func candidatesOfANewerSideDoNotHurt() throws {
        var bytes: [UInt8] = []
        Samples.toDataOneTwo[2].encode(to: &bytes)
        var frame = frames(bytes)[0]
        frame.body[frame.body.count - 1] = 99
        #expect(try ControlToData.decode(frame) == Samples.toDataOneTwo[2])
        bytes = []
        ControlToData.lookupAnswer(question: 12, .unknown).encode(to: &bytes)
        frame = frames(bytes)[0]
        frame.body[8] = 77
        #expect(try ControlToData.decode(frame) == .lookupAnswer(question: 12, .unknown))
        bytes = []
        ControlToData.remoteTunnel(RemoteTunnel(tunnel: Samples.tunnel, candidates: [])).encode(to: &bytes)
        frame = frames(bytes)[0]
        frame.body[16] = UInt8(Candidate.perTunnelMax + 1)
        #expect(throws: PlaneFault.badValue(kind: 23)) { try ControlToData.decode(frame) }
    }

    @Test func descriptorsTravelWithTheKindsThatSaySo() {
        for message in Samples.toData {
            var bytes: [UInt8] = []
            message.encode(to: &bytes)
            #expect(frames(bytes)[0].carriesDescriptor == message.carriesDescriptor)
        }
        let carrying = Samples.toControl.filter(\.carriesDescriptor)
        #expect(carrying == [Samples.toControl[0], Samples.toControl[1]])
    }

    @Test func membersThatALaterMinorAddedAreIgnored() throws {
        for message in Samples.toData + Samples.toDataOneOne + Samples.toDataOneTwo + Samples.toDataOneThree {
            var bytes: [UInt8] = []
            message.encode(to: &bytes)
            var frame = frames(bytes)[0]
            frame.body += [0xAA, 0xBB]
            #expect(try ControlToData.decode(frame) == message)
        }
    }

    @Test func everyTruncationIsAFault() {
        for message in Samples.toControl + Samples.toControlOneTwo + Samples.toControlOneThree {
            var bytes: [UInt8] = []
            message.encode(to: &bytes)
            let frame = frames(bytes)[0]
            for count in 0..<frame.body.count {
                let short = PlaneFrame(kind: frame.kind, body: Array(frame.body.prefix(count)))
                #expect(throws: PlaneFault.self) { try DataToControl.decode(short) }
            }
        }
        for message in Samples.toDataOneOne + Samples.toDataOneTwo + Samples.toDataOneThree {
            var bytes: [UInt8] = []
            message.encode(to: &bytes)
            let frame = frames(bytes)[0]
            for count in 0..<frame.body.count {
                let short = PlaneFrame(kind: frame.kind, body: Array(frame.body.prefix(count)))
                #expect(throws: PlaneFault.self) { try ControlToData.decode(short) }
            }
        }
    }

    @Test func mutationsAreMessagesOrFaultsButNeverTraps() {
        var random = Random(seed: 11)
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            Samples.toData[Int(random.below(UInt32(Samples.toData.count)))].encode(to: &bytes)
            Samples.toDataOneOne[Int(random.below(UInt32(Samples.toDataOneOne.count)))].encode(to: &bytes)
            Samples.toDataOneTwo[Int(random.below(UInt32(Samples.toDataOneTwo.count)))].encode(to: &bytes)
            Samples.toControlOneTwo[0].encode(to: &bytes)
            Samples.toDataOneThree[0].encode(to: &bytes)
            for message in Samples.toControlOneThree { message.encode(to: &bytes) }
            Samples.toControl[Int(random.below(UInt32(Samples.toControl.count)))].encode(to: &bytes)
            for _ in 0...random.below(4) { bytes[Int(random.below(UInt32(bytes.count)))] = UInt8(random.below(256)) }
            for frame in frames(bytes) {
                _ = try? ControlToData.decode(frame)
                _ = try? DataToControl.decode(frame)
            }
        }
    }

    @Test func anUnknownMajorIsAFaultEvenIfTheRestMakesNoSense() throws {
        let frame = PlaneFrame(kind: 0x8001, body: [2, 0, 1, 0, 0xFF])
        let version = PlaneVersion(major: 2, minor: 1)
        #expect(throws: PlaneFault.unknownVersion(version)) { try DataToControl.decode(frame) }
        #expect(version.refusal.contains("2.1"))
        #expect(PlaneVersion(major: 1, minor: 99).isUnderstood)
    }

    @Test func limitsAndReasonsOfANewerSideDoNotHurt() throws {
        var writer = PlaneByteWriter()
        writer.put(UInt64(5))
        writer.put(count: 2)
        writer.put("limitOfTheFuture")
        writer.put(UInt64(1))
        writer.put("tunnelsMax")
        writer.put(UInt64(99))
        writer.put(Severity.error.rawValue)
        let settings = try ControlToData.decode(PlaneFrame(kind: 3, body: writer.bytes))
        #expect(settings == .settings(PlaneSettings(generation: 5, limits: [.tunnelsMax: 99], logLevel: .error)))

        writer = PlaneByteWriter()
        writer.put(Samples.connector)
        writer.put(Samples.tunnel)
        writer.put("reason_of_the_future")
        let lost = try DataToControl.decode(PlaneFrame(kind: 3, body: writer.bytes))
        #expect(lost == .connectorLost(Samples.connector, Samples.tunnel, .connectorLost))
    }
}
