import NIOCore
import Settings
import StoreVocabulary
import Testing

@testable import Redis

/// How a store's connections come, go and come back: every fault against servers that are only values.
struct StoreCourseTests {
    private static let id = StoreID(3)
    private static let invalidations = "__redis__:invalidate"

    private static func up(_ version: UInt64) -> [StoreEvent] { [.up(id, version: version), .trackingUp(id)] }

    @Test func connectsAndTracks() throws {
        let world = StoreWorld()
        try world.start()
        #expect(world.told() == Self.up(1))
        #expect(
            world.server.received == [
                "CLIENT SETNAME culvert", "ROLE", "PING", "CLIENT SETNAME culvert-tracking", "CLIENT ID",
                "SUBSCRIBE \(Self.invalidations)", "CLIENT TRACKING OFF", "CLIENT TRACKING ON REDIRECT 7 BCAST",
            ])
        try world.submit(9, "GET", "SET")
        #expect(world.told() == [.answered(Self.id, batch: 9, .replies([.status("OK"), .status("OK")]))])
    }

    @Test func signsIn() throws {
        let world = StoreWorld()
        var settings = StoreSettings()
        settings.login = StoreLogin(userName: "me", password: "pa55word")
        settings.database = 5
        world.server.password = "other"
        try world.start(settings)
        #expect(world.told() == [.down(Self.id, .refused("10.0.0.1:6379: signing in failed: WRONGPASS no"))])
        try world.pass(milliseconds: 2_000)
        #expect(world.told().isEmpty, "the same reason is told once")
        world.server.password = "pa55word"
        try world.pass(milliseconds: 1_010)
        #expect(world.told() == Self.up(1))
        #expect(world.server.received.contains("SELECT 5"))
        #expect(world.server.received.filter { $0 == "AUTH me pa55word" }.count > 3)
    }

    @Test func aServerThatIsNotThereYet() throws {
        let world = StoreWorld()
        world.server.isDown = true
        try world.start()
        #expect(world.told() == [.down(Self.id, .refused("10.0.0.1:6379: Connection refused"))])
        try world.submit(1, "GET")
        #expect(world.told() == [.answered(Self.id, batch: 1, .failed(.notConnected))])
        try world.pass(milliseconds: 5_000)
        world.server.isDown = false
        try world.pass(milliseconds: 1_010)
        #expect(world.told() == Self.up(1))
    }

    @Test func aServerThatDiesAndComesBack() throws {
        let world = StoreWorld()
        try world.start()
        _ = world.told()
        world.server.isFrozen = true
        try world.submit(1, "GET", milliseconds: 10_000)
        world.server.isFrozen = false
        try world.kill(world.server)
        #expect(
            world.told() == [
                .answered(Self.id, batch: 1, .failed(.lost)), .trackingLost(Self.id), .down(Self.id, .lost),
            ])
        try world.pass(milliseconds: 1_000)
        #expect(world.told() == [.down(Self.id, .refused("10.0.0.1:6379: Connection refused"))])
        world.server.isDown = false
        try world.pass(milliseconds: 1_010)
        #expect(world.told() == Self.up(2))
        #expect(world.server.living.count == 2)
    }

    @Test func aServerThatFreezes() throws {
        let world = StoreWorld()
        try world.start()
        _ = world.told()
        world.server.isFrozen = true
        try world.submit(1, "GET", milliseconds: 500)
        try world.pass(milliseconds: 500)
        #expect(world.told() == [.answered(Self.id, batch: 1, .failed(.deadline))])
        try world.pass(milliseconds: 4_510)
        #expect(world.told() == [.trackingLost(Self.id), .down(Self.id, .deadline)])
        #expect(world.server.living.count <= 1, "only the next try")
        // Taken by the kernel, and never answered.
        try world.pass(milliseconds: 20_000)
        #expect(world.told().isEmpty)
        world.server.isFrozen = false
        try world.pass(milliseconds: 6_500)
        #expect(world.told() == Self.up(2))
    }

    @Test func onlyTheTrackingIsCut() throws {
        let world = StoreWorld()
        try world.start()
        _ = world.told()
        let tracking = try #require(world.server.subscribers.last)
        tracking.close(promise: nil)
        #expect(world.told() == [.trackingLost(Self.id)])
        try world.submit(1, "GET")
        #expect(world.told() == [.answered(Self.id, batch: 1, .replies([.status("OK")]))])
        try world.pass(milliseconds: 60)
        #expect(world.told() == [.trackingUp(Self.id)])
        #expect(world.server.received.suffix(2) == ["CLIENT TRACKING OFF", "CLIENT TRACKING ON REDIRECT 7 BCAST"])
        #expect(world.server.living.count == 2)
    }

    @Test func trackingThatIsRefusedIsTriedAgain() throws {
        let world = StoreWorld()
        world.server.faults["SUBSCRIBE"] = "NOPERM no"
        try world.start()
        #expect(world.told() == [.up(Self.id, version: 1)])
        try world.pass(milliseconds: 5_000)
        #expect(world.told().isEmpty)
        #expect(world.server.living.count == 1)
        world.server.faults = [:]
        try world.pass(milliseconds: 1_010)
        #expect(world.told() == [.trackingUp(Self.id)])
    }

    @Test func changesAreTold() throws {
        let world = StoreWorld()
        try world.start()
        _ = world.told()
        try world.server.publish(Self.invalidations, "*2\r\n$1\r\na\r\n$1\r\nb\r\n")
        #expect(world.told() == [.changed(Self.id, keys: [[97], [98]])])
        try world.server.publish(Self.invalidations, "*-1\r\n")
        #expect(world.told() == [.flushed(Self.id)])
        try world.server.publish("another", "*-1\r\n")
        #expect(world.told().isEmpty)
    }

    @Test func aReplicaIsLeft() throws {
        let world = StoreWorld()
        try world.start()
        _ = world.told()
        world.server.faults["SET"] = "READONLY You can't write against a read only replica."
        world.server.isReplica = true
        try world.submit(1, "SET")
        let events = world.told()
        #expect(events.count == 3)
        #expect(
            events.last
                == .down(
                    Self.id,
                    .refused(
                        "10.0.0.1:6379: it has become a replica and takes no writes; "
                            + "its master is wanted")))
        try world.pass(milliseconds: 1_000)
        #expect(
            world.told() == [
                .down(Self.id, .refused("10.0.0.1:6379: it is a replica and takes no writes; its master is wanted"))
            ])
        world.server.faults = [:]
        world.server.isReplica = false
        try world.pass(milliseconds: 1_010)
        #expect(world.told() == Self.up(2))
    }

    @Test func nothingIsToldAfterTheStop() throws {
        for milliseconds in [0, 1_000] {
            let world = StoreWorld()
            world.server.isDown = milliseconds > 0
            try world.start()
            try world.pass(milliseconds: milliseconds)
            _ = world.told()
            world.stop()
            world.server.isDown = false
            try world.submit(1, "GET")
            try world.pass(milliseconds: 5_000)
            #expect(world.told().isEmpty)
            #expect(world.server.living.isEmpty)
        }
    }

    // MARK: Sentinels

    private static func bulk(_ text: String) -> String { "$\(text.utf8.count)\r\n\(text)\r\n" }

    @Test func theSentinelsAreAskedInTurn() throws {
        let world = StoreWorld()
        let settings = world.sentinels()
        world.at(settings.addresses[0]).isDown = true
        world.at(settings.addresses[1]).master = nil
        try world.start(settings)
        #expect(world.told() == Self.up(1))
        #expect(world.at(settings.addresses[2]).living.count == 1, "it is listened to")
        #expect(world.at(settings.addresses[1]).living.isEmpty)
    }

    @Test func noSentinelKnows() throws {
        let world = StoreWorld()
        let settings = world.sentinels()
        for address in settings.addresses { world.at(address).master = nil }
        try world.start(settings)
        #expect(
            world.told() == [.down(Self.id, .refused("10.0.1.3:26379: the sentinel knows no master named `m`"))])
        for address in settings.addresses { world.at(address).master = StoreWorld.first }
        try world.pass(milliseconds: 100)
        #expect(world.told() == Self.up(1))
    }

    @Test func aFrozenSentinelIsPassedOver() throws {
        let world = StoreWorld()
        let settings = world.sentinels()
        world.at(settings.addresses[0]).isFrozen = true
        try world.start(settings)
        #expect(world.told().isEmpty)
        try world.pass(milliseconds: 2_010)
        #expect(world.told() == Self.up(1))
    }

    /// The master dies; for a while the sentinels still name it, then they name its successor.
    @Test func aFailoverIsFollowed() throws {
        let world = StoreWorld()
        let settings = world.sentinels()
        try world.start(settings)
        _ = world.told()
        try world.kill(world.server)
        try world.pass(milliseconds: 3_000)
        #expect(
            world.told() == [
                .trackingLost(Self.id), .down(Self.id, .lost),
                .down(Self.id, .refused("10.0.0.1:6379: Connection refused")),
            ])
        _ = world.at(StoreWorld.second)
        for address in settings.addresses { world.at(address).master = StoreWorld.second }
        try world.pass(milliseconds: 1_010)
        #expect(world.told() == Self.up(2))
        #expect(world.at(StoreWorld.second).living.count == 2)
        #expect(settings.addresses.map { world.at($0).living.count }.reduce(0, +) == 1)
    }

    /// The sentinel tells it before anything else is noticed: no pause, no question.
    @Test func aSwitchIsFollowedAtOnce() throws {
        let world = StoreWorld()
        let settings = world.sentinels()
        try world.start(settings)
        _ = world.told()
        _ = world.at(StoreWorld.second)
        for address in settings.addresses {
            world.at(address).master = StoreWorld.second
            try world.at(address).publish("+switch-master", Self.bulk("other 1.1.1.1 1 10.0.0.9 6379"))
        }
        #expect(world.told().isEmpty)
        for address in settings.addresses {
            try world.at(address).publish("+switch-master", Self.bulk("m 10.0.0.1 6379 10.0.0.2 6379"))
        }
        try world.turn()
        #expect(world.told() == [.trackingLost(Self.id), .down(Self.id, .lost)] + Self.up(2))
        #expect(world.server.living.isEmpty)
    }

    /// It comes back as a replica, and one of the sentinels has not heard of it.
    @Test func anOldMasterIsNotBelieved() throws {
        let world = StoreWorld()
        let settings = world.sentinels()
        world.server.isReplica = true
        _ = world.at(StoreWorld.second)
        for address in settings.addresses.dropFirst() { world.at(address).master = StoreWorld.second }
        try world.start(settings)
        #expect(
            world.told() == [
                .down(Self.id, .refused("10.0.0.1:6379: it is a replica and takes no writes; its master is wanted"))
            ])
        try world.pass(milliseconds: 60)
        #expect(world.told() == Self.up(1))
        #expect(world.at(StoreWorld.second).living.count == 2)
    }

    /// The sentinel that was listened to goes: another is, and what it knows holds.
    @Test func aSwitchThatWasMissedIsFound() throws {
        let world = StoreWorld()
        let settings = world.sentinels()
        try world.start(settings)
        _ = world.told()
        try world.kill(world.at(settings.addresses[0]))
        try world.pass(milliseconds: 60)
        #expect(world.told().isEmpty)
        #expect(world.at(settings.addresses[1]).living.count == 1)
        _ = world.at(StoreWorld.second)
        world.at(settings.addresses[2]).master = StoreWorld.second
        try world.kill(world.at(settings.addresses[1]))
        try world.pass(milliseconds: 60)
        #expect(world.told() == [.trackingLost(Self.id), .down(Self.id, .lost)] + Self.up(2))
    }

    @Test func sentinelsThatAreAllGoneTakeNothingAway() throws {
        let world = StoreWorld()
        let settings = world.sentinels()
        try world.start(settings)
        _ = world.told()
        for address in settings.addresses { try world.kill(world.at(address)) }
        try world.pass(milliseconds: 10_000)
        try world.submit(1, "GET")
        #expect(world.told() == [.answered(Self.id, batch: 1, .replies([.status("OK")]))])
        world.at(settings.addresses[1]).isDown = false
        try world.pass(milliseconds: 1_010)
        #expect(world.at(settings.addresses[1]).living.count == 1)
    }
}
