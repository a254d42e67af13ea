import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

extension LimitCase {
    /// How long a link may take for what, and how long its first message may be.
    static let linkTimes = [
        LimitCase(.handshakeTimeoutMilliseconds, 500) { bench in
            let plain = bench.link()
            let upgrade = bench.link(NodeProcess.webSocketPort)
            upgrade.write("GET /ws HTTP/1.1\r\n")
            bench.run(400)
            #expect(!plain.isEnded && !upgrade.isEnded)
            bench.run(200)
            #expect(plain.isEnded && upgrade.isEnded)
            #expect(bench.node.count(.handshakeTimeout) == 2)
        },
        LimitCase(.relayHeadBytesMax, 1_024) { bench in
            let link = bench.link()
            // A BIND that announces 2,000 bytes of features.
            link.peer.write([1, 2, 0x07, 0xD0, 0])
            bench.run()
            #expect(link.isEnded)
        },
        // The control plane accepts and says nothing: the data plane answers alone.
        LimitCase(.bindAnswerTimeoutMilliseconds, 200) { bench in
            let control = bench.bench.world.kernel.listen(
                on: bench.node.host, at: SimulatedAddress(path: Array(NodeProcess.controlPath.utf8)))
            bench.run(6_000)
            let silent = try #require(control.accept())
            let connector = bench.connector(number: 1)
            bench.run(100)
            #expect(!connector.isBound)
            bench.run(200)
            #expect(connector.isBound)
            silent.close()
            control.close()
            bench.run(100)
        },
        LimitCase(.muxKeepAliveMilliseconds, 200) { bench in
            let before = bench.connector.keepAlives
            bench.run(1_000)
            #expect(bench.connector.keepAlives - before >= 4)
            #expect(bench.connector.keepAlives - before <= 6)
        },
        LimitCase(.muxKeepAliveTimeoutMilliseconds, 600, with: [.muxKeepAliveMilliseconds: 200]) { bench in
            let visitor = bench.asking()
            bench.run(400)
            #expect(!bench.connector.peer.isEnded)
            bench.run(500)
            #expect(bench.connector.peer.isEnded || bench.connector.peer.isReset)
            #expect(visitor.status == 503)
            #expect(visitor.text.contains(Reason.tunnelOffline.label))
        },
        // A service that is nowhere: the tunnel client gives it up and says so, the visitor hears it.
        LimitCase(.openedTimeoutMilliseconds, 500) { bench in
            let tunnel = TunnelID(high: 0xCCCC_0000_0000_4000, low: 0x8000_0000_0000_0001)
            let client = try ClientProcess(
                bench.bench.world, bench.node, .tcp, number: 1, tunnel: tunnel,
                limits: [.openedTimeoutMilliseconds: 500], targetHost: "10.9.9.9", seed: 1)
            bench.run(500)
            let visitor = bench.visitor()
            visitor.write("GET / HTTP/1.1\r\nHost: \(Endpoint.label(of: tunnel).string).localhost\r\n\r\n")
            bench.run(300)
            #expect(visitor.received.isEmpty)
            bench.run(900)
            #expect(visitor.status == 502)
            #expect(visitor.text.contains(Reason.dialTimeout.label))
            #expect(client.bench.counters.value(.dialTimeout) >= 1)
            client.process.kill()
        },
    ]
    /// Wrong credentials.
    static let logins = [
        LimitCase(.loginDelayMilliseconds, 1_600, asksForLogin: true) { bench in
            let guess = bench.guess()
            bench.run(80)
            #expect(guess.status == nil)
            bench.run(200)
            #expect(guess.status == RelayStatus.unauthorized.rawValue)
        },
        LimitCase(.loginsPendingMax, 1, asksForLogin: true) { bench in
            let first = bench.guess()
            bench.run(20)
            let second = bench.guess()
            bench.run(20)
            #expect(first.status == nil)
            #expect(second.status == RelayStatus.unauthorized.rawValue)
            bench.run(1_000)
            #expect(first.status == RelayStatus.unauthorized.rawValue)
        },
    ]
}
