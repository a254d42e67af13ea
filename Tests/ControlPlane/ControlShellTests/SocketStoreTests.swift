import CLinux
import ControlCore
import Glibc
import Model
import PlaneLink
import Settings
import Testing

@testable import ControlShell

/// The sockets of data planes for each other: a port that is one's own, and a path.
struct SocketStoreTests {
    private let path = RunningControl.path() + ".peer"

    private func order(_ id: UInt32, _ point: ListenPoint, plane: String = "data-0") -> ListenerOrder {
        ListenerOrder(plane: plane, id: ListenerID(id), worker: WorkerIndex(0), point: point)
    }

    /// Connects to a path; whether somebody listens there.
    private func answers(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        } == 0
    }

    @Test func workersShareAPortAndNobodyElseDoes() throws {
        let store = SocketStore([])
        let any = ListenPoint.peers(ListenAddress(host: "127.0.0.1", port: 0))
        let address = try store.open(order(1, any))
        #expect(try store.open(order(2, any)) == address, "the second worker's")
        let port = try #require(UInt16(address.split(separator: ":").last ?? ""))
        let same = ListenPoint.peers(ListenAddress(host: "127.0.0.1", port: port))
        #expect(try store.open(order(3, same)) == address, "a third one's, later")
        let fault = #expect(throws: SystemFault.self) { try store.open(order(4, same, plane: "data-1")) }
        #expect(fault?.number == EADDRINUSE)
        let stranger = #expect(throws: SystemFault.self) { try SocketStore([]).open(order(1, same)) }
        #expect(stranger?.number == EADDRINUSE)
        #expect(store.count == 3)
    }

    @Test func aPathIsTakenFromTheDeadAndNotFromTheLiving() throws {
        let store = SocketStore([])
        #expect(try store.open(order(1, .siblings(path: path))) == path)
        #expect(answers(path))
        let fault = #expect(throws: SystemFault.self) { try SocketStore([]).open(order(1, .siblings(path: path))) }
        #expect(fault?.number == EADDRINUSE)
        store.close(plane: "data-0", nil)
        #expect(access(path, F_OK) != 0, "nobody finds what nobody serves")

        var dead: SocketStore? = SocketStore([])
        #expect(try dead?.open(order(1, .siblings(path: path))) == path)
        dead = nil
        #expect(access(path, F_OK) == 0 && !answers(path), "the data plane may still serve it")
        #expect(try store.open(order(2, .siblings(path: path))) == path)
        #expect(answers(path))
    }
}
