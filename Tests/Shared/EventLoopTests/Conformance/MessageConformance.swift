import CLinux
import Operations
import Primitives
import Testing

/// Descriptors over Unix sockets.
@Suite struct MessageConformance {
    private func message(
        _ rig: Rig, bytes: UInt, count: Int, descriptors: [Int32] = []
    ) -> UnsafeMutablePointer<DescriptorMessage> {
        let message = rig.place(DescriptorMessage())
        message.pointee.range = SendRange(address: bytes, count: UInt(count))
        for (index, descriptor) in descriptors.enumerated() { message.pointee.descriptors[index] = descriptor }
        message.pointee.descriptorCount = UInt32(descriptors.count)
        return message
    }

    @Test(arguments: Subject.allCases, [0, 1, 32])
    func bytesAndDescriptors(subject: Subject, count: Int) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let (near, far) = rig.loop.pair()
        let sent = message(
            rig, bytes: rig.place(bytes: [1, 2, 3]), count: 3, descriptors: [Int32](repeating: near, count: count))
        let room = rig.place(bytes: [UInt8](repeating: 0, count: 16))
        let received = message(rig, bytes: room, count: 16)
        let receive = rig.emit(.receiveMessage, on: right, address: UInt(bitPattern: received))
        #expect(rig.ready(of: receive).isEmpty)
        #expect(rig.result(of: rig.emit(.sendMessage, on: left, address: UInt(bitPattern: sent))) == 3)
        #expect(rig.result(of: receive) == 3)
        #expect(UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: room), count: 3).elementsEqual([1, 2, 3]))
        #expect(received.pointee.descriptorCount == UInt32(count))
        rig.close(near)
        // What was passed is the same socket, under numbers of its own.
        for index in 0..<count {
            let passed = received.pointee.descriptors[index]
            #expect(rig.result(of: rig.send([9], on: passed)) == 1)
            #expect(rig.take(rig.completion(of: rig.emit(.receiveOnce, on: far))) == [9])
            rig.close(passed)
        }
        #expect(rig.result(of: rig.emit(.receiveOnce, on: far)) == 0)
        rig.close(left, right, far)
    }

    @Test(arguments: Subject.allCases)
    func cancelledEndedAndClosed(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let room = rig.place(bytes: [UInt8](repeating: 0, count: 16))
        func receive() -> Token {
            rig.emit(.receiveMessage, on: right, address: UInt(bitPattern: message(rig, bytes: room, count: 16)))
        }
        let first = receive()
        #expect(rig.ready(of: first).isEmpty)
        #expect(rig.result(of: rig.cancel(first)) == 0)
        #expect(rig.result(of: first) == -ECANCELED)
        let second = receive()
        rig.close(left)
        #expect(rig.result(of: second) == 0)
        rig.close(right)

        let (near, far) = rig.loop.pair()
        let third = rig.emit(
            .receiveMessage, on: near, address: UInt(bitPattern: message(rig, bytes: room, count: 16)))
        _ = rig.ready(of: third)
        rig.close(near)
        #expect([-ECANCELED, -EBADF].contains(rig.result(of: third)))
        let sent = message(rig, bytes: room, count: 1)
        #expect(rig.result(of: rig.emit(.sendMessage, on: far, address: UInt(bitPattern: sent))) == -EPIPE)
        rig.close(far)
    }

    /// A listener passed by its owner accepts in the loop that got it.
    @Test(arguments: Subject.allCases)
    func aPassedListenerAccepts(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let listener = rig.loop.listen(.ipv4, backlog: 16)
        let bytes = rig.place(bytes: [0])
        let sent = message(rig, bytes: bytes, count: 1, descriptors: [listener.descriptor])
        let received = message(rig, bytes: rig.place(bytes: [0]), count: 1)
        #expect(rig.result(of: rig.emit(.sendMessage, on: left, address: UInt(bitPattern: sent))) == 1)
        rig.close(listener.descriptor)
        #expect(rig.result(of: rig.emit(.receiveMessage, on: right, address: UInt(bitPattern: received))) == 1)
        let passed = received.pointee.descriptors[0]
        let accept = rig.emit(.accept, on: passed)
        let (client, connect) = rig.dial(listener.address)
        #expect(rig.result(of: connect) == 0)
        let server = rig.result(of: accept)
        #expect(server >= 0)
        rig.close(client, server, passed, left, right)
    }
}
