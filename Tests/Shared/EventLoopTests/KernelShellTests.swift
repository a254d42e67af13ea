import CLinux
import EventLoop
import Operations
import Primitives
import Testing

/// What only shells over the real kernel have: queues that overflow, descriptors that change loops, shares.
@Suite struct KernelShellTests {
    private func makeRig(
        _ choice: ShellChoice, buffers: UInt32 = 64, adjust: (inout ShellConfiguration) -> Void
    ) throws -> Rig {
        let memory = try BufferMemory(byteCount: UInt64(buffers * Rig.strideBytes))
        let geometry = BufferGeometry(
            base: memory.base, strideBytes: Rig.strideBytes, headroomBytes: Rig.headroomBytes,
            payloadBytes: Rig.payloadBytes, count: buffers)
        let loop = try KernelLoop(choice, buffers: geometry, adjust: adjust)
        let rig = Rig(loop: loop, memory: memory, geometry: geometry)
        for id in 0..<buffers { rig.provide(id) }
        return rig
    }

    /// Far more operations in a turn than the ring has entries, and more completions than it has room for.
    @Test(arguments: [ShellChoice.ring, .poll])
    func smallQueuesLoseNothing(choice: ShellChoice) throws {
        let rig = try makeRig(choice) { configuration in
            configuration.submissionEntries = 8
            configuration.completionEntries = 16
        }
        let pairs = (0..<100).map { _ in KernelSockets.pair() }
        let receives = pairs.map { rig.emit(.receiveOnce, on: $0.left) }
        var sends: [Token] = []
        for (index, pair) in pairs.enumerated() { sends.append(rig.send([UInt8(index)], on: pair.right)) }
        for (index, receive) in receives.enumerated() {
            #expect(rig.result(of: sends[index]) == 1)
            var completion = rig.completion(of: receive)
            while completion.result == -ENOBUFS {
                rig.emit(.receiveOnce, receive, on: pairs[index].left)
                completion = rig.completion(of: receive)
            }
            #expect(rig.take(completion) == [UInt8(index)])
        }
        for pair in pairs { rig.close(pair.left, pair.right) }
    }

    /// A shot that accepts goes on after the ring's completions overflowed, and still ends when it is cancelled.
    @Test(arguments: [ShellChoice.ring, .poll])
    func acceptingSurvivesAnOverflow(choice: ShellChoice) throws {
        let rig = try makeRig(choice) { configuration in
            configuration.submissionEntries = 8
            configuration.completionEntries = 16
        }
        let listener = KernelSockets.listen(.unix, backlog: 256)
        let clients = (0..<200).map { _ in rig.result(of: rig.emit(.openSocket, length: DialFamily.unix.rawValue)) }
        for client in clients {
            let connect = rig.emit(.connect, on: client, address: UInt(bitPattern: rig.place(listener.address)))
            #expect(rig.result(of: connect) == 0)
        }
        let accept = rig.emit(.accept, on: listener.descriptor)
        for _ in clients {
            let accepted = rig.completion(of: accept)
            #expect(accepted.result >= 0)
            #expect(accepted.isMore)
            rig.close(accepted.result)
        }
        #expect(rig.result(of: rig.cancel(accept)) == 0)
        #expect(rig.result(of: accept) == -ECANCELED)
        for client in clients + [listener.descriptor] { rig.close(client) }
    }

    /// Small frames leave at once, and little waits unsent in front of them; a Unix socket needs neither.
    @Test(arguments: [ShellChoice.ring, .poll])
    func socketsThatDialSendAtOnce(choice: ShellChoice) throws {
        let rig = try makeRig(choice) { _ in }
        for family in [DialFamily.ipv4, .ipv6, .unix] {
            let descriptor = rig.result(of: rig.emit(.openSocket, length: family.rawValue))
            try #require(descriptor >= 0)
            if family != .unix {
                #expect(option(descriptor, TCP_NODELAY) != 0)
                #expect(option(descriptor, TCP_NOTSENT_LOWAT) == 32_768)
                #expect(option(descriptor, TCP_USER_TIMEOUT) == 0)
            }
            // A link is over when what it sent is not acknowledged; a Unix socket takes no notice.
            rig.emit(.limitUnacknowledged, on: descriptor, length: 12_345)
            _ = rig.turn(milliseconds: 0)
            if family != .unix { #expect(option(descriptor, TCP_USER_TIMEOUT) == 12_345) }
            rig.close(descriptor)
        }
    }

    private func option(_ descriptor: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var count = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, Int32(IPPROTO_TCP), name, &value, &count) == 0 ? value : -1
    }

    /// A descriptor leaves one loop for another and back, as a visitor that moves does, announced or not; then its
    /// number comes back as another file.
    @Test(arguments: [ShellChoice.ring, .poll], [true, false])
    func descriptorsChangeLoops(choice: ShellChoice, isAnnounced: Bool) throws {
        let here = try makeRig(choice) { _ in }
        let there = try makeRig(choice) { _ in }
        for round in 0..<10 {
            let (left, right) = KernelSockets.pair()
            for (index, rig) in [here, there, here, there].enumerated() {
                if isAnnounced { rig.emit(.forget, on: left) }
                let receive = rig.emit(.receive, on: left)
                #expect(rig.ready(of: receive).isEmpty)
                #expect(rig.result(of: rig.send([UInt8(index)], on: right)) == 1)
                #expect(rig.take(rig.completion(of: receive)) == [UInt8(index)])
                // It goes only when nothing of it is in flight.
                #expect(rig.result(of: rig.cancel(receive)) == 0)
                #expect(rig.result(of: receive) == -ECANCELED)
                if isAnnounced { rig.emit(.forget, on: left) }
            }
            (round % 2 == 0 ? here : there).close(left, right)
        }
    }

    /// A flood on one descriptor does not keep another waiting: shares are bounded.
    @Test func sharesAreBounded() throws {
        let rig = try makeRig(.poll, buffers: 256) { _ in }
        let flood = rig.connection()
        let other = KernelSockets.pair()
        let bytes = [UInt8](repeating: 1, count: 100 * Int(Rig.payloadBytes))
        // As a client that is not ours: all it can, sent or not.
        var unsent = Int32.max
        setsockopt(
            flood.client, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &unsent, socklen_t(MemoryLayout<Int32>.size))
        let receives = [rig.emit(.receive, on: flood.server), rig.emit(.receive, on: other.left)]
        _ = rig.ready(of: receives[0])
        let sent = send(flood.client, bytes, bytes.count, Int32(MSG_DONTWAIT))
        #expect(sent > 40 * Int(Rig.payloadBytes))
        #expect(send(other.right, bytes, 1, Int32(MSG_DONTWAIT)) == 1)
        _ = rig.turn(milliseconds: 1_000)
        // One turn: a share of the flood, and all of the other.
        #expect(rig.taken(of: receives[0]).count <= PollShell.shareMax)
        #expect(rig.taken(of: receives[1]).count == 1)
        rig.close(flood.client, flood.server, other.left, other.right)
    }

    /// An echo in batches costs far less than a system call per operation over the ring.
    @Test func theRingSharesItsSystemCalls() throws {
        let rig = try makeRig(.ring) { _ in }
        let pairs = (0..<32).map { _ in KernelSockets.pair() }
        let receives = pairs.map { rig.emit(.receive, on: $0.left) }
        let loop = try #require(rig.loop as? KernelLoop)
        _ = rig.ready(of: receives[0])
        let before = loop.shell.statistics
        for _ in 0..<10 {
            let sends = pairs.map { rig.send([1, 2, 3], on: $0.right) }
            for send in sends { #expect(rig.result(of: send) == 3) }
            for receive in receives { _ = rig.take(rig.completion(of: receive)) }
        }
        let enters = loop.shell.statistics.enters - before.enters
        let completions = loop.shell.statistics.completions - before.completions
        #expect(completions == 640)
        #expect(enters * 10 < completions)
        for pair in pairs { rig.close(pair.left, pair.right) }
    }
}
