import ControlCore
import Model
import PlaneLink
import Primitives
import Settings
import Testing

/// Who may use a service, as the data planes hear it; and what one from before credentials is given.
struct AccessTests {
    private static let id = TunnelID(high: 8, low: 9)

    /// Two services with authers, one of them with a file, and one that is open.
    private func node() throws -> SimulatedNode {
        try SimulatedNode(
            SimulatedNode.configuration { configuration in
                var inline = Auther(name: "inline")
                inline.credentials = [
                    Credential(userName: "ann", password: "one"), Credential(userName: "bob", password: "two"),
                ]
                var file = Auther(name: "file")
                file.credentials = [Credential(userName: "carl", password: "old")]
                file.path = "people.txt"
                configuration.authers = [inline, file]
                configuration.services[0].authers = [0]
                configuration.services[0].entrypointID = Self.id
                for (number, authers) in [[1, 0], nil, [0, 1]].enumerated() {
                    var service = configuration.services[0]
                    service.name = "service-\(number + 1)"
                    service.address.port = 9_000 + UInt16(number)
                    service.entrypoints = []
                    service.authers = authers
                    service.entrypointID = .zero
                    service.relaysAtEntrypoints = number == 2
                    configuration.services.append(service)
                }
            })
    }

    private func digest(_ user: String, _ password: String) -> CredentialDigest {
        CredentialDigest(user: InlineText(user)!, password: InlineText(password)!, key: SimulatedNode.key)
    }

    @Test func everySetOfAuthersIsATable() throws {
        var node = try node()
        node.start()
        let plane = node.planes[0]
        #expect(plane.access?.map(\.credentials) == [0, 1, nil, 1])
        #expect(plane.access?.map(\.entrypointID) == [Self.id, .zero, .zero, .zero])
        #expect(plane.access?.map(\.relaysAtEntrypoints) == [false, false, false, true])
        #expect(plane.tables[0] == [digest("ann", "one"), digest("bob", "two")])
        #expect(plane.tables[1] == [digest("ann", "one"), digest("bob", "two"), digest("carl", "old")])
        #expect(plane.accessCameFirst)
        #expect(node.core.isReady)
    }

    @Test func aChangedFileIsPushed() throws {
        var node = try node()
        node.tell(.credentialsRead(1, [Credential(userName: "dora", password: "x")]))
        node.start()
        #expect(node.planes[0].tables[1]?.contains(digest("dora", "x")) == true)
        // Within an auther the file wins over the configuration.
        node.tell(.credentialsRead(1, [Credential(userName: "carl", password: "new")]))
        #expect(node.planes[0].tables[1] == [digest("ann", "one"), digest("bob", "two"), digest("carl", "new")])
        #expect(node.planes[0].tables[0] == [digest("ann", "one"), digest("bob", "two")])
        let pushes = node.planes[0].servicesCount
        node.tell(.credentialsRead(1, [Credential(userName: "carl", password: "new")]))
        #expect(node.planes[0].servicesCount == pushes, "nothing changed, nothing is sent")
        #expect(
            node.notes("credentials in force").allSatisfy { note in
                !note.fields.contains { $0.value.contains("new") || $0.value.contains("carl") }
            })
    }

    @Test func tooManyCredentialsLeaveThoseBefore() throws {
        var node = try node()
        node.start()
        let before = node.planes[0].tables
        let many = (0...ControlLimit.credentialsMax).map { Credential(userName: "u\($0)", password: "p") }
        node.tell(.credentialsRead(1, many))
        #expect(node.planes[0].tables == before)
        #expect(node.notes("too many credentials").count == 1)
        node.tell(.credentialsRead(1, Array(many.prefix(20_000))))
        #expect(node.planes[0].tables[1]?.count == 20_003, "in several messages")
    }

    /// Release 1.0 would serve a restricted port to everybody: it is never handed one, and the node is not ready.
    @Test func anOldDataPlaneIsNotHandedRestrictedPorts() throws {
        var node = try node()
        node.planes.append(SimulatedDataPlane(name: "data-0", epoch: 5))
        node.planes[0].capabilities = []
        node.planes[0].minor = 0
        node.connect(0)
        let addresses = Set(node.planes[0].listeners.values.map(\.address))
        #expect(addresses == [":8080", ":9001"])
        #expect(node.planes[0].access == nil)
        #expect(!node.core.isReady)
        #expect(node.notes("too old to ask for credentials").count == 1)
        // One that it brings along from before the login was configured is taken from it.
        let held = PlaneListener(
            id: ListenerID(90), role: .tunnel(ServiceIndex(0)), worker: WorkerIndex(0), address: ":8421")
        node.cut(0, dies: false)
        node.planes[0].listeners[held.id] = held
        node.connect(0)
        #expect(Set(node.planes[0].listeners.values.map(\.address)) == [":8080", ":9001"])
        // Its successor, which can ask, gets all.
        node.cut(0, dies: true)
        let successor = node.start()
        #expect(
            Set(node.planes[successor].listeners.values.map(\.address)) == [
                ":8080", ":8421", ":9000", ":9001", ":9002",
            ])
        #expect(node.core.isReady)
    }

    @Test func aConfigurationWithTooManyCredentialsIsNotServed() throws {
        #expect(throws: NodePlanFault.tooMany(what: "credentials", limit: ControlLimit.credentialsMax)) {
            _ = try SimulatedNode(
                SimulatedNode.configuration { configuration in
                    var auther = Auther(name: "a")
                    auther.credentials = (0...ControlLimit.credentialsMax).map {
                        Credential(userName: "u\($0)", password: "p")
                    }
                    configuration.authers = [auther]
                    configuration.services[0].authers = [0]
                })
        }
    }
}
