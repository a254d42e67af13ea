package import Primitives
package import Simulator

/// A visitor with a list of requests: sends them one after the other (or some at once), on as few connections as it can,
/// and judges every answer byte by byte.
package final class Browser: Scripted {
    package struct Request: Sendable {
        package var path: String
        package var isPost: Bool
        package var body: [UInt8]

        package init(path: String, isPost: Bool, body: [UInt8]) {
            self.path = path
            self.isPost = isPost
            self.body = body
        }
    }

    package enum Outcome: Equatable, Sendable {
        case answered
        case refused(Int)
        /// The connection ended before the answer was complete.
        case cut
    }

    private let world: World
    private let address: SimulatedAddress
    private let host: SimulatedHost
    private let name: String
    package let requests: [Request]
    private let together: Int
    private let halfCloses: Bool
    /// Resets its connection instead of reading the answer of this request.
    private let resetsAt: Int?
    private var peer: SimulatedPeer?
    private var reader = MessageReader(answers: true)
    private var sent = 0
    private var retryAt = Tick.never
    package private(set) var outcomes: [Outcome] = []
    /// What was wrong with answers.
    package private(set) var violations: [String] = []
    /// Close-delimited answers that were right as far as they went, and ended as if they were complete.
    package private(set) var shortened: [String] = []

    /// At a node's entrypoint.
    package convenience init(
        _ world: World, _ node: NodeProcess, _ host: SimulatedHost, name: String, requests: [Request],
        together: Int = 1, halfCloses: Bool = false, resetsAt: Int? = nil
    ) {
        self.init(
            world, at: node.address(NodeProcess.entrypointPort), host, name: name, requests: requests,
            together: together, halfCloses: halfCloses, resetsAt: resetsAt)
    }

    /// At an address that leads to the service in some other way.
    package init(
        _ world: World, at address: SimulatedAddress, _ host: SimulatedHost, name: String, requests: [Request],
        together: Int = 1, halfCloses: Bool = false, resetsAt: Int? = nil
    ) {
        (self.world, self.address, self.host, self.name, self.requests) = (world, address, host, name, requests)
        (self.together, self.halfCloses, self.resetsAt) = (together, halfCloses, resetsAt)
        world.add(self)
    }

    package var isDone: Bool { outcomes.count == requests.count }
    package var nextAct: Tick { isDone ? .never : retryAt }

    package func act(_ now: Tick) {
        guard !isDone else { return }
        if peer == nil {
            guard retryAt == .never || retryAt <= now else { return }
            retryAt = .never
            peer = world.kernel.connect(from: host, to: address)
            reader = MessageReader(answers: true)
            sent = outcomes.count
        }
        guard let peer else { return }
        if let result = peer.connected, result != 0 { return ended(now) }
        read(peer, now)
        if self.peer != nil, !isDone { write(peer) }
    }

    private func write(_ peer: SimulatedPeer) {
        guard sent == outcomes.count, sent < requests.count else { return }
        for request in requests[sent..<min(sent + together, requests.count)] {
            var head = "\(request.isPost ? "POST" : "GET") \(request.path) HTTP/1.1\r\nHost: \(name)\r\n"
            if request.isPost { head += "Content-Length: \(request.body.count)\r\n" }
            peer.write(Array("\(head)\r\n".utf8) + request.body)
            sent += 1
        }
        if halfCloses, sent == requests.count { peer.endWriting() }
    }

    private func read(_ peer: SimulatedPeer, _ now: Tick) {
        reader.feed(peer.take())
        let isEnded = peer.isEnded
        while outcomes.count < sent, let answer = reader.next(isEnded: isEnded && !peer.isReset) {
            judge(answer, requests[outcomes.count])
            if answer.fields["connection"] == "close"
                || answer.fields["content-length"] == nil
                    && answer.fields["transfer-encoding"] == nil
            {
                peer.close()
                return ended(now, isExpected: true)
            }
        }
        if let resetsAt, outcomes.count == resetsAt, sent > resetsAt, !isDone, peer.receivedCount > 200 {
            peer.reset()
            return ended(now)
        }
        if isDone {
            peer.close()
        } else if isEnded || peer.isReset {
            peer.close()
            ended(now)
        }
    }

    /// The connection is over: what was asked and not answered is cut, the rest is asked on a new one.
    private func ended(_ now: Tick, isExpected: Bool = false) {
        peer = nil
        if !isExpected, outcomes.count < sent || sent == outcomes.count { outcomes.append(.cut) }
        retryAt = now.advanced(milliseconds: 20)
    }

    private func judge(_ answer: MessageReader.Message, _ request: Request) {
        let status = Int(answer.words[1]) ?? 0
        guard status == 200 else { return outcomes.append(.refused(status)) }
        if answer.fields["x-path"] != request.path {
            violations.append("\(request.path) was answered with \(answer.fields["x-path"] ?? "nothing")")
        }
        let expected = ScriptedOrigin.body(request.path, request.body)
        if answer.body != expected {
            let isDelimitedByClose = request.path.contains("/\(ScriptedOrigin.Framing.close.rawValue)/")
            if isDelimitedByClose, expected.starts(with: answer.body) {
                shortened.append("\(request.path): \(answer.body.count) bytes for \(expected.count)")
                return outcomes.append(.answered)
            }
            let place = zip(answer.body, expected).enumerated().first { $1.0 != $1.1 }?.offset
            violations.append(
                "\(request.path): \(answer.body.count) bytes for \(expected.count), first wrong at \(place ?? -1)")
        }
        outcomes.append(.answered)
    }
}
