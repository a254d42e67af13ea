import Testing

@testable import Model
@testable import Wire

@Suite struct HTTPRefusalTests {
    @Test(arguments: [400, 405, 408, 413, 431, 501, 502, 503, 504, 505]) func readsAsAnAnswer(status: Int) throws {
        for reason in Reason.allCases {
            for closes in [true, false] {
                let refusal = HTTPRefusal(status: status, reason: reason, closes: closes)
                let written = try #require(writing(HTTPRefusal.bytesMax, refusal.write(into:)))
                let head = try #require(readAnswer(text(written)).head)
                #expect(Int(head.status) == status)
                #expect(head.keepsConnection == !closes)
                #expect(head.framing == .length(UInt64(written.count - head.byteCount)))
                #expect(text(written).contains("Culvert-Reason: \(reason.label)\r\n"))
                #expect(text(written).hasSuffix("</html>\n"))
            }
        }
    }

    @Test func labelsAreTheCasesInSnakeCase() {
        for reason in Reason.allCases {
            let snake = "\(reason)".map { $0.isUppercase ? "_\($0.lowercased())" : "\($0)" }.joined()
            #expect(reason.label == snake)
        }
    }

    @Test func headsHaveNoPage() throws {
        let whole = try #require(
            writing(2_048, HTTPRefusal(status: 502, reason: .noRoute, closes: true).write(into:)))
        let head = try #require(
            writing(2_048, HTTPRefusal(status: 502, reason: .noRoute, closes: true, isHeadOnly: true).write(into:)))
        #expect(text(whole).hasPrefix(text(head)))
        #expect(text(head).hasSuffix("\r\n\r\n"))
    }

    @Test func unknownStatusesBecome502() throws {
        let written = try #require(
            writing(2_048, HTTPRefusal(status: 299, reason: .noRoute, closes: true).write(into:)))
        #expect(text(written).hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
    }

    @Test func doesNotFit() { #expect(writing(100, HTTPRefusal(.badHost).write(into:)) == nil) }

    @Test func faultsHaveAStatusAndAReason() {
        for fault in HTTPFault.allCases {
            #expect([400, 405, 431, 501, 505].contains(fault.status))
            let isBad = fault.reason == .badRequest || fault.reason == .ambiguousFraming || fault.reason == .missingHost
            #expect(isBad == (fault.status == 400), "\(fault)")
        }
    }
}
