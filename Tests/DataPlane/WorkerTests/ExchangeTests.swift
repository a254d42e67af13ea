import Model
import Observe
import Simulator
import Testing
import Wire
import Worker
import World

/// HTTP exchanges through one worker, cell by cell: a scripted connector plays the origin.
@Suite struct ExchangeTests {
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

    @Test func answersPassThrough() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get("/a"))
        bench.run()
        let stream = try #require(bench.connector.streams.first)
        #expect(stream.text == bench.forwarded("/a"))
        bench.connector.send(stream, ExchangeTests.ok)
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
        visitor.peer.close()
        bench.run(3_000)
        #expect(stream.isFinished)
        bench.expectQuiet()
    }

    @Test func keepAliveUsesOneStream() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        for number in 0..<20 {
            visitor.forget()
            visitor.write(bench.get("/\(number)"))
            bench.run(5)
            bench.connector.send(try bench.stream(0), ExchangeTests.ok)
            bench.run(5)
            #expect(visitor.text == ExchangeTests.ok)
        }
        #expect(bench.connector.streams.count == 1)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet()
    }

    /// 75 s after the answer, whatever happened before.
    @Test func idleVisitorsEnd() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        bench.connector.send(try bench.stream(0), ExchangeTests.ok)
        bench.run(70_000)
        #expect(!visitor.isEnded)
        bench.connector.peer.write(bench.connector.frame(.keepAlive, 0))
        bench.run(10_000)
        #expect(visitor.isEnded)
        #expect(bench.node.count(.keepAliveIdle) == 1)
    }

    /// The visitor ended its sending side behind a complete request: it gets the whole answer though it reads slowly.
    @Test func halfClosedVisitorsGetTheWholeAnswer() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.peer.pauseReading()
        visitor.write(bench.get())
        bench.run()
        let body = [UInt8](repeating: 7, count: 1_000_000)
        let stream = try bench.stream(0)
        bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
        bench.connector.send(stream, body)
        bench.run(50)
        visitor.peer.endWriting()
        bench.run(50)
        visitor.peer.resumeReading()
        bench.run(3_000)
        #expect(visitor.received.suffix(body.count) == body[...])
        #expect(visitor.isEnded)
        bench.run(3_000)
        bench.expectQuiet()
    }

    /// The same when the end comes before the answer and the answer is short.
    @Test func halfCloseBeforeTheAnswer() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        visitor.peer.endWriting()
        bench.run()
        bench.connector.send(try bench.stream(0), ExchangeTests.ok)
        bench.run(3_000)
        #expect(visitor.text.hasSuffix("\r\n\r\nhello"))
        #expect(visitor.isEnded)
        bench.expectQuiet()
    }

    @Test func earlyAnswerEndsTheConnection() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write("POST /up HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 5000000\r\n\r\nabc")
        bench.run()
        let answer = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
        bench.connector.send(try bench.stream(0), answer)
        bench.run(100)
        #expect(visitor.status == 413)
        #expect(try bench.stream(0).isFinished)
        bench.run(5_000)
        #expect(visitor.isEnded)
        bench.expectQuiet()
    }

    @Test func interimAnswersAreRepeated() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        bench.run()
        let stream = try bench.stream(0)
        bench.connector.send(stream, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        bench.run()
        #expect(visitor.text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"))
        visitor.forget()
        visitor.write("abc")
        bench.run()
        #expect(stream.text.hasSuffix("\r\n\r\nabc"))
        bench.connector.send(stream, ExchangeTests.ok)
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
    }

    @Test func endlessInterimAnswersAreRefused() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        for _ in 0..<20 { bench.connector.send(try bench.stream(0), "HTTP/1.1 102 Processing\r\n\r\n") }
        bench.run(5_000)
        #expect(visitor.isEnded)
        #expect(bench.node.count(.badAnswer) == 1)
        bench.expectQuiet()
    }

    @Test func interimAnswersAreKeptFromOldVisitors() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write("GET / HTTP/1.0\r\nHost: \(bench.host)\r\n\r\n")
        bench.run()
        bench.connector.send(
            try bench.stream(0), "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        bench.run(3_000)
        #expect(visitor.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(visitor.text.hasSuffix("\r\n\r\nhi"))
        #expect(visitor.isEnded)
    }

    @Test func chunkedAnswersAreTakenApartForOldVisitors() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write("GET / HTTP/1.0\r\nHost: \(bench.host)\r\nConnection: keep-alive\r\n\r\n")
        bench.run()
        bench.connector.send(
            try bench.stream(0),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n")
        bench.run(3_000)
        #expect(visitor.text.hasSuffix("\r\n\r\nhello world"))
        #expect(!visitor.text.lowercased().contains("transfer-encoding"))
        #expect(visitor.isEnded)
        bench.expectQuiet()
    }

    @Test(arguments: [("GET", 204), ("GET", 304), ("HEAD", 200)])
    func answersWithoutBody(_ method: String, _ status: Int) throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        let request = "\(method) / HTTP/1.1\r\nHost: \(bench.host)\r\n\r\n"
        let length = status == 204 ? "" : "Content-Length: 77\r\n"
        let answer = "HTTP/1.1 \(status) Yes\r\n\(length)\r\n"
        for _ in 0..<2 {
            visitor.forget()
            visitor.write(request)
            bench.run()
            bench.connector.send(try bench.stream(0), answer)
            bench.run()
            #expect(visitor.text == answer)
        }
        #expect(bench.connector.streams.count == 1)
    }

    @Test func originDyingInsideAChunkCutsTheAnswer() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        let stream = try bench.stream(0)
        bench.connector.send(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")
        bench.connector.finish(stream)
        bench.run(3_000)
        #expect(visitor.text.hasSuffix("5\r\nhe"))
        #expect(visitor.isEnded)
        #expect(bench.connector.streams.count == 1)
        #expect(bench.node.count(.badAnswer) == 1)
        bench.expectQuiet()
    }

    /// Who said that nothing follows is closed with the answer; whom the answer closes is waited for, because the next
    /// request may be on its way and must not reset what was not read yet.
    @Test(arguments: [true, false])
    func onlyWhoAskedForTheEndIsClosedAtOnce(_ asks: Bool) throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get("/", asks ? "Connection: close\r\n" : ""))
        bench.run()
        if asks {
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
        } else {
            bench.connector.send(try bench.stream(), "HTTP/1.1 200 OK\r\n\r\nhello")
            bench.connector.finish(try bench.stream())
        }
        bench.run()
        #expect(visitor.status == 200)
        #expect(visitor.peer.isEnded)
        #expect(!visitor.peer.isReset)
        #expect(bench.node.benches[0].worker.ledger.sockets == (asks ? 1 : 2))
        if !asks {
            visitor.write(bench.get("/next"))
            bench.run()
            #expect(!visitor.peer.isReset)
            visitor.peer.close()
            bench.run()
        }
        bench.expectQuiet()
    }

    @Test func closeDelimitedAnswersEndWithTheStream() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        let stream = try bench.stream(0)
        bench.connector.send(stream, "HTTP/1.1 200 OK\r\n\r\nsome")
        bench.run()
        #expect(!visitor.isEnded)
        bench.connector.send(stream, " more")
        bench.connector.finish(stream)
        bench.run(3_000)
        #expect(visitor.text.hasSuffix("\r\n\r\nsome more"))
        #expect(visitor.isEnded)
        #expect(bench.node.count(.badAnswer) == 0)
        bench.expectQuiet()
    }

    @Test func badAnswersAreRefused() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        bench.connector.send(try bench.stream(0), "SSH-2.0-OpenSSH_9.2\r\n")
        bench.run()
        #expect(visitor.status == 502)
        #expect(try bench.stream(0).isFinished)
        #expect(bench.node.count(.badAnswer) == 1)
    }

    /// What stands behind a complete answer belongs to no request: the stream serves none after it.
    @Test func bytesBehindAnAnswerEndItsStream() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get("/1"))
        bench.run()
        bench.connector.send(try bench.stream(0), ExchangeTests.ok + "HTTP/1.1 200 OK\r\nContent-Le")
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
        visitor.forget()
        visitor.write(bench.get("/2"))
        bench.run()
        #expect(bench.connector.streams.count == 2)
        #expect(try bench.stream(0).isFinished)
        bench.connector.send(try bench.stream(1), ExchangeTests.ok)
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
    }

    @Test func answersInSingleBytes() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        for byte in ExchangeTests.ok.utf8 {
            bench.connector.send(try bench.stream(0), [byte])
            bench.run(2)
        }
        #expect(visitor.text == ExchangeTests.ok)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet()
    }

    @Test func requestsInSingleBytes() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        for character in bench.get("/slow", "X: y\r\n") {
            visitor.write(String(character))
            bench.run(2)
        }
        #expect(bench.connector.streams.first?.text == bench.forwarded("/slow", "X: y\r\n"))
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write((0..<5).map { bench.get("/\($0)") }.joined())
        for number in 0..<5 {
            bench.run(30)
            let stream = try bench.stream(0)
            #expect(stream.text == (0...number).map { bench.forwarded("/\($0)") }.joined())
            bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
        }
        bench.run(30)
        let answers = (0..<5).map { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\($0)" }
        #expect(visitor.text == answers.joined())
        #expect(bench.connector.streams.count == 1)
    }
}
