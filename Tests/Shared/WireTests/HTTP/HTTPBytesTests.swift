import Testing

@testable import Wire

@Suite struct HTTPBytesTests {
    @Test func tokenBytesAreThoseOfTheGrammar() {
        let marks = Set("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max {
            let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            let isDigit = (0x30...0x39).contains(byte)
            #expect(HTTPBytes.isToken(byte) == (isLetter || isDigit || marks.contains(byte)), "\(byte)")
        }
    }

    @Test func firstControlIsFoundAtEveryPlace() {
        for control in Array(UInt8(0)..<0x20) + [0x7F] {
            for count in 0..<20 {
                for place in 0..<count {
                    var line = [UInt8](repeating: 0x20, count: count)
                    for index in line.indices { line[index] = [0x20, 0x7E, 0x80, 0xFF, 0x41][index % 5] }
                    line[place] = control
                    let found = HTTPBytes.firstControl(in: line.span.bytes, from: 0)
                    #expect(found == place)
                    let after = HTTPBytes.firstControl(in: line.span.bytes, from: place + 1)
                    #expect(after == count)
                }
            }
        }
    }

    /// The scans by words stop where the bytes one by one do, at every place of every byte among bytes of every kind.
    @Test func wordScansStopWhereBytesDo() {
        let around: [[UInt8]] = [bytes("abcXYZ-azAZ"), bytes("a1_~!b-9.Zz"), [0x80, 0xFF, 0x7E, 0x21, 0x7A, 0xC3]]
        for kind in around {
            for place in 0..<17 {
                for byte in UInt8.min...UInt8.max {
                    var line = (0..<20).map { kind[$0 % kind.count] }
                    line[place] = byte
                    let token = HTTPBytes.firstNonToken(in: line.span.bytes, from: 0)
                    let target = HTTPBytes.firstNonTarget(in: line.span.bytes, from: 0, to: 20)
                    let isRight =
                        token == line.firstIndex { !HTTPBytes.isToken($0) } ?? 20
                        && target == line.firstIndex { !HTTPBytes.isTarget($0) } ?? 20
                    if !isRight { Issue.record("byte \(byte) at \(place): \(token), \(target)") }
                }
            }
        }
    }

    @Test func hexDigits() {
        for byte in UInt8.min...UInt8.max {
            let expected = byte < 128 ? Character(Unicode.Scalar(byte)).hexDigitValue : nil
            #expect(HTTPBytes.hexValue(byte).map(Int.init) == expected)
        }
    }
}
