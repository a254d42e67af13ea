import Testing

@testable import Model
@testable import Primitives
@testable import Wire

@Suite struct ClientHelloTests {
    /// What a step says, in one line.
    private func read(_ bytes: [UInt8], limit: Int = 16_000) -> String {
        switch ClientHello.read(bytes.span.bytes, limit: limit) {
        case .needMore: return "needMore"
        case .fault(let fault): return "\(fault)"
        case .hello(let hello):
            var names: [String] = []
            var protocols = hello.applicationProtocols
            while let name = protocols?.next(bytes.span.bytes) { names.append(name.string) }
            return "\(hello.byteCount) '\(hello.serverName.string)' \(names.joined(separator: ","))"
        }
    }

    /// Hellos of `openssl s_client` 3.0, captured: TLS 1.3 with a name and protocols; TLS 1.2 with a name.
    private let modern = hex(
        """
        160301015a010001560303c77fca74f035f330f00c85e1ccd930187e698c1dc7f62fdf5a9565acafb994da20a104059f88d0ac78873303
        91fbfa23207b4fb9ec41c8c358911f080e337f82ae003e130213031301c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023
        c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff010000cf00000020001e00001b623764653838613934373239
        623933312e676f73742e6c6f63616c000b000403000102000a00160014001d0017001e0019001801000101010201030104002300000010
        000e000c02683208687474702f312e310016000000170000000d002a0028040305030603080708080809080a080b080408050806040105
        010601030303010302040205020602002b0009080304030303020301002d00020101003300260024001d00201c009703a34ca55e467642
        d8d2ae59975d271e4735a22e81fc4b8eab47cfbe4c
        """)
    private let older = hex(
        """
        16030100db010000d70303701a5a9ae0550e8e45e781df49d48fcf4dfed2f5c8ba745304564dad06509062000038c02cc030009fcca9cc
        a8ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff0100007600000020
        001e00001b623764653838613934373239623933312e676f73742e6c6f63616c000b000403000102000a000c000a001d0017001e001900
        18002300000016000000170000000d002a0028040305030603080708080809080a080b0804080508060401050106010303030103020402
        05020602
        """)

    @Test func capturedHellosInEverySplit() {
        checkEveryPrefix(modern, "351 'b7de88a94729b931.gost.local' h2,http/1.1")
        checkEveryPrefix(older, "224 'b7de88a94729b931.gost.local' ")
    }

    private func checkEveryPrefix(_ all: [UInt8], _ expected: String) {
        for count in 0..<all.count where read(Array(all[..<count])) != "needMore" {
            Issue.record("\(count) of \(all.count) bytes: \(read(Array(all[..<count])))")
        }
        #expect(read(all) == expected)
        #expect(read(all + [0x17, 3, 3, 0, 1, 0]) == expected)
        #expect(read(all + all) == expected)
    }

    /// Every place to cut the message into two records, and every prefix of that for some of them.
    @Test func everyCutIntoTwoRecords() {
        var hello = HelloBuilder()
        hello.protocols = ["h2", "http/1.1"]
        let count = hello.message.count
        for cut in 1..<count {
            let all = hello.records(cutAt: [cut])
            #expect(read(all) == "\(count + 10) 'app.example.com' h2,http/1.1")
            if cut % 7 == 0 || cut < 12 { checkEveryPrefix(all, "\(count + 10) 'app.example.com' h2,http/1.1") }
        }
    }

    /// A hello with a post-quantum key share, longer than a segment.
    @Test func postQuantumHello() {
        var hello = HelloBuilder()
        hello.keyShareByteCount = 1_216 + 32
        hello.protocols = ["h2"]
        checkEveryPrefix(hello.records(), "\(hello.message.count + 5) 'app.example.com' h2")
        hello.keyShareByteCount = 2_000
        let message = hello.message.count
        #expect(message > 2_000)
        // Two records, three and one for every 40 bytes; each of them arriving in two segments at every byte.
        for cuts in [[1_000], [3, 1_024], Array(stride(from: 40, to: message, by: 40))] {
            checkEveryPrefix(hello.records(cutAt: cuts), "\(message + 5 * (cuts.count + 1)) 'app.example.com' h2")
        }
    }

    @Test func hellosWithoutAName() {
        var hello = HelloBuilder()
        hello.names = []
        #expect(read(hello.records()) == "\(hello.records().count) '' ")
        hello.hasExtensions = false
        #expect(read(hello.records()) == "\(hello.records().count) '' ")
        hello.version = 0x0301
        #expect(read(hello.records()) == "\(hello.records().count) '' ")
    }

    @Test(arguments: [
        ("192.0.2.1", true), ("2001:db8::1", true), ("::1", true), ("1.2.3.4.example.com", false), ("1.2.3", false),
    ])
    func addressesAreTold(name: String, isAddress: Bool) {
        var builder = HelloBuilder()
        builder.names = [name]
        let all = builder.records()
        guard case .hello(let hello) = ClientHello.read(all.span.bytes, limit: 16_000) else {
            Issue.record("no hello")
            return
        }
        #expect(hello.namesAddress == isAddress && hello.serverName.string == name)
    }

    @Test(arguments: [
        ([String](["a\0b"]), "badServerName"), (["a b"], "badServerName"), (["b\u{e4}d"], "badServerName"),
        ([""], "badServerName"), (["a.example", "b.example"], "badServerName"),
        ([String(repeating: "a", count: 256)], "badServerName"),
    ])
    func wrongNames(names: [String], expected: String) {
        var hello = HelloBuilder()
        hello.names = names
        #expect(read(hello.records()) == expected)
    }

    @Test func namesOfOtherTypesAreSkipped() {
        var hello = HelloBuilder()
        hello.names = []
        hello.extra = HelloBuilder.ext(
            0, HelloBuilder.list16([7] + HelloBuilder.list16(bytes("x")) + [0] + HelloBuilder.list16(bytes("a.b"))))
        #expect(read(hello.records()) == "\(hello.records().count) 'a.b' ")
    }

    @Test(arguments: [
        ("0000 0000", "malformed"), ("0000 0002 0000", "malformed"), ("0000 0005 0004 00 0001", "malformed"),
        ("0000 0006 0003 00 0001 61", "malformed"), ("0000 0006 0004 00 0002 61", "malformed"),
        ("0010 0000", "malformed"), ("0010 0002 0000", "malformed"), ("0010 0003 0001 00", "malformed"),
        ("0010 0004 0002 02 61", "malformed"), ("0010 0005 0002 01 61 00", "malformed"), ("0010 0009", "malformed"),
        ("00", "malformed"), ("0000 0006 0004 00 0001 61 0000 0006 0004 00 0001 62", "repeatedExtension"),
        ("0010 0004 0002 01 61 0010 0004 0002 01 61", "repeatedExtension"),
    ])
    func wrongExtensions(extra: String, expected: String) {
        var hello = HelloBuilder()
        hello.names = []
        hello.extra = hex(extra)
        #expect(read(hello.records()) == expected)
        // The same fault whatever the records.
        #expect(read(hello.records(cutAt: [hello.message.count - 2])) == expected)
    }

    @Test(arguments: [
        ("17", "notHandshake"), ("15 0301 0002 0228", "notHandshake"), ("16 02", "notHandshake"),
        ("16 0301 0000", "emptyRecord"), ("16 0301 4001", "recordTooLong"), ("16 0301 0004 02", "notHello"),
        ("16 0301 0001 01 15", "notHandshake"), ("16 0301 0004 01 ffffff", "tooLong"),
        ("16 0301 0004 01 000000", "malformed"), ("80 2e 01", "notHandshake"),
    ])
    func wrongRecords(digits: String, expected: String) { #expect(read(hex(digits)) == expected) }

    /// Every length of the message, changed: never read as the same hello, and never beyond the bytes.
    @Test func everyByteOfALengthMatters() {
        for index in [6, 7, 8, 43, 76, 77, 140, 142, 143] {
            var broken = modern
            broken[index] &+= 1
            #expect(read(broken) != "351 'b7de88a94729b931.gost.local' h2,http/1.1", "byte \(index)")
        }
    }

    @Test func helloIsBounded() {
        var hello = HelloBuilder()
        hello.keyShareByteCount = 3_000
        let all = hello.records()
        #expect(read(all, limit: all.count) == "\(all.count) 'app.example.com' ")
        #expect(read(all, limit: all.count - 1) == "tooLong")
        // Known from the first nine bytes.
        #expect(read(Array(all[..<9]), limit: 2_000) == "tooLong")
        let message = hello.message.count
        let crumbs = hello.records(cutAt: Array(1..<message))
        #expect(read(crumbs) == "tooManyRecords")
        #expect(read(Array(crumbs[..<300])) == "needMore")
    }

    @Test(arguments: [(0x0301, "1503010002 02 70"), (0x0303, "1503030002 02 70"), (0x0304, "1503030002 02 70")])
    func alerts(version: Int, expected: String) {
        let written = writing(TLSAlert.byteCount) { target in
            var writer = ByteWriter(target)
            TLSAlert.unrecognizedName.write(version: UInt16(version), to: &writer)
            return writer.finished
        }
        #expect(written == hex(expected))
    }

    @Test func everyFaultHasAnAlert() {
        for fault in TLSFault.allCases { #expect([10, 22, 47, 50].contains(fault.alert.rawValue)) }
    }
}
