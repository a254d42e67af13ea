import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

extension HostilePeerTests {
    /// Everything slow, one byte at a time.
    static let slow = [
        Attack(
            "a request head at an entrypoint, byte by byte", by: .visitor, .headTimeout,
            [.headTimeoutMilliseconds]
        ) { bench in
            let visitor = bench.visitor()
            trickle(Array(bench.bench.get().utf8), visitor, bench)
            #expect(visitor.status == 408)
        },
        Attack(
            "a BIND over TCP, byte by byte", by: .client, .handshakeTimeout,
            [.handshakeTimeoutMilliseconds]
        ) { bench in
            let link = bench.link()
            trickle(bind(), link, bench)
            #expect(link.isEnded)
        },
        Attack(
            "an upgrade's head, byte by byte", by: .client, .handshakeTimeout,
            [.handshakeTimeoutMilliseconds]
        ) { bench in
            let link = bench.link(NodeProcess.webSocketPort)
            trickle(Array(upgrade.utf8), link, bench)
            #expect(link.isEnded)
        },
        Attack(
            "a BIND inside WebSocket messages of one byte", by: .client, .handshakeTimeout,
            [.handshakeTimeoutMilliseconds]
        ) { bench in
            let link = bench.link(NodeProcess.webSocketPort)
            link.write(upgrade)
            bench.run()
            for byte in bind() where !link.isEnded {
                link.peer.write(message([byte]))
                bench.run(100)
            }
            bench.run(500)
            #expect(link.isEnded)
        },
        Attack(
            "connections that say nothing, on every port", by: .anybody, .firstByteTimeout,
            [.firstByteTimeoutMilliseconds, .handshakeTimeoutMilliseconds]
        ) { bench in
            let visitors = (0..<100).map { _ in bench.visitor() }
            let links = (0..<100).map { bench.link($0 % 2 == 0 ? NodeProcess.relayPort : NodeProcess.webSocketPort) }
            bench.run(2_500)
            #expect((visitors + links).allSatisfy { $0.isEnded })
            #expect(bench.node.count(.firstByteTimeout) == 100)
            #expect(bench.node.count(.handshakeTimeout) == 100)
        },
        Attack("a body that stops", by: .visitor, .bodyTimeout, [.bodyIdleMilliseconds]) { bench in
            let visitor = bench.visitor()
            visitor.write("POST / HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 1000\r\n\r\nabc")
            bench.run(2_500)
            #expect(visitor.status == 408)
        },
        Attack(
            "a refused request's body that stops", by: .visitor, .headTimeout,
            [.headTimeoutMilliseconds]
        ) { bench in
            let visitor = bench.visitor()
            visitor.write("POST / HTTP/1.1\r\nHost: nobody.localhost\r\nContent-Length: 1000\r\n\r\nabc")
            bench.run(2_500)
            #expect(visitor.status == 502)
            #expect(visitor.isEnded)
        },
        Attack("a ClientHello, byte by byte", by: .visitor, .helloTimeout, [.helloTimeoutMilliseconds]) { bench in
            let visitor = bench.visitor()
            trickle(Hello.bytes(bench.bench.host), visitor, bench)
            #expect(visitor.received.first == 0x15)
        },
        Attack(
            "a PROXY header at an entrypoint, byte by byte", by: .visitor, .proxyTimeout,
            [.proxyHeaderTimeoutMilliseconds], takesProxyHeader: true
        ) { bench in
            let visitor = bench.visitor()
            trickle(Array("PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n".utf8), visitor, bench)
            #expect(visitor.isEnded)
        },
        Attack(
            "a PROXY header at the tunnel port, byte by byte", by: .anybody, .proxyTimeout,
            [.proxyHeaderTimeoutMilliseconds], takesProxyHeader: true
        ) { bench in
            let link = bench.link()
            trickle(Array("PROXY TCP4 192.0.2.1 192.0.2.2 1000 80\r\n".utf8), link, bench)
            #expect(link.isEnded)
        },
    ]

    /// Bytes that are no protocol.
    static let noise = [
        Attack("garbage at an entrypoint", by: .visitor, .badRequest) { bench in
            let visitor = bench.visitor()
            visitor.peer.write(Content.bytes(1, 5_000).map { $0 | 0x80 } + [13, 10, 13, 10])
            bench.run()
            #expect(visitor.status == 400)
        },
        Attack("garbage on the TCP port", by: .anybody, .relayVersion) { bench in
            let link = bench.link()
            link.peer.write(Content.bytes(2, 5_000).map { $0 | 0x80 })
            bench.run()
            #expect(link.isEnded)
        },
        Attack("garbage on the WebSocket port", by: .anybody, .badUpgrade) { bench in
            let link = bench.link(NodeProcess.webSocketPort)
            link.peer.write(Content.bytes(3, 5_000).map { $0 | 0x80 } + [13, 10, 13, 10])
            bench.run()
            #expect(link.status == 400)
        },
        Attack("another path", by: .anybody, .wrongPath) { bench in
            let link = bench.link(NodeProcess.webSocketPort)
            link.write(upgrade.replacing("/ws", with: "/other"))
            bench.run()
            #expect(link.status == 404)
        },
        Attack("features that are longer than they say", by: .client, .relayFault) { bench in
            let link = bench.link()
            link.peer.write([1, 2, 0, 6, 2, 0, 200, 1, 127, 0])
            bench.run()
            #expect(link.isEnded)
        },
        Attack("a BIND without a tunnel", by: .client, .noTunnel) { bench in
            let link = bench.link()
            link.peer.write([1, 2, 0, 0])
            bench.run()
            #expect(link.received.prefix(2) == [1, RelayStatus.badRequest.rawValue])
        },
        Attack("a command that does not exist", by: .client, .unknownCommand) { bench in
            let link = bench.link()
            var bytes = bind()
            bytes[1] = 0x0B
            link.peer.write(bytes)
            bench.run()
            #expect(link.received.prefix(2) == [1, RelayStatus.badRequest.rawValue])
        },
        Attack("frames without masks", by: .client, .webSocketFault) { bench in
            let link = bench.link(NodeProcess.webSocketPort)
            link.write(upgrade)
            bench.run()
            link.peer.write([0x82, 4, 1, 2, 0, 0])
            bench.run()
            #expect(link.isEnded)
        },
        Attack("a frame of 2^63 bytes", by: .client, .webSocketFault) { bench in
            let link = bench.link(NodeProcess.webSocketPort)
            link.write(upgrade)
            bench.run()
            link.peer.write([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
            bench.run()
            #expect(link.isEnded)
        },
        Attack("frames of another smux version", by: .client, .smuxVersion) { bench in
            bench.connector.peer.write([1, 3, 0, 0, 0, 0, 0, 0])
            bench.run()
            #expect(bench.connector.peer.isEnded || bench.connector.peer.isReset)
        },
        Attack("a frame of no command", by: .client, .smuxFault) { bench in
            bench.connector.peer.write([2, 99, 0, 0, 0, 0, 0, 0])
            bench.run()
            #expect(bench.connector.peer.isEnded || bench.connector.peer.isReset)
        },
    ]
}
