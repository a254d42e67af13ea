import Testing

@testable import Wire

/// Every case of the corpus is refused with its fault, whole and in every split, and never later than at its end.
@Suite struct SmugglingTests {
    @Test func theCorpusIsLargeAndItsNamesUnique() {
        #expect(SmugglingCorpus.requests.count >= 100)
        #expect(SmugglingCorpus.answers.count >= 28)
        #expect(SmugglingCorpus.bodies.count >= 27)
        #expect(Set(SmugglingCorpus.requests.map(\.name)).count == SmugglingCorpus.requests.count)
        #expect(Set(SmugglingCorpus.answers.map(\.name)).count == SmugglingCorpus.answers.count)
        #expect(Set(SmugglingCorpus.bodies.map(\.name)).count == SmugglingCorpus.bodies.count)
    }

    @Test(arguments: SmugglingCorpus.requests) func requestIsRefused(request: SmugglingCorpus.Message) throws {
        let fault = try #require(request.expected)
        #expect(readRequest(request.text).fault == fault)
        #expect(fault.status == request.status)
        #expect([400, 405, 501, 505].contains(request.status))
        let all = bytes(request.text)
        for count in all.indices {
            let prefix = Array(all[..<count])
            let step = HTTPRequestHead.read(prefix.span.bytes, limit: 16_000)
            #expect(step.head == nil, "a head after \(count) bytes")
            #expect(step.fault == nil || step.fault == fault, "another fault after \(count) bytes")
        }
    }

    @Test(arguments: SmugglingCorpus.answers) func answerIsRefused(answer: SmugglingCorpus.Message) throws {
        let fault = try #require(answer.expected)
        #expect(readAnswer(answer.text).fault == fault)
        #expect(answer.status == 502)
        let all = bytes(answer.text)
        for count in all.indices {
            let prefix = Array(all[..<count])
            let step = HTTPAnswerHead.read(prefix.span.bytes, limit: 16_000, method: .get, askedUpgrade: false)
            #expect(step.head == nil, "a head after \(count) bytes")
        }
    }

    @Test(arguments: SmugglingCorpus.bodies) func bodyIsRefused(body: SmugglingCorpus.Message) throws {
        let fault = try #require(body.expected)
        #expect(fault.status == body.status)
        for pieces in [[bytes(body.text)], bytes(body.text).map { [$0] }] {
            let reading = BodyReading.of(.chunked, pieces)
            #expect(reading.fault == fault)
            #expect(!reading.isDone)
            #expect(BodyReading.passing(.chunked, pieces).fault == fault)
        }
    }
}
