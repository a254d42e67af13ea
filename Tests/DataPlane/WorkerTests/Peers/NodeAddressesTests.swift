import Model
import Primitives
import Testing

@testable import Worker

/// The addresses from which other nodes forward.
@Suite struct NodeAddressesTests {
    private func address(_ number: Int, port: UInt16 = 80) -> SocketAddress {
        number.isMultiple(of: 2)
            ? SocketAddress(ipv4: 0x0A00_0000 | UInt32(number), port: port)
            : SocketAddress(high: 0x2001_0DB8 << 32 | UInt64(number), low: 1, port: port)
    }

    @Test(arguments: [0, 1, 2, 3, 100, 1_000])
    func theyAreFoundWhateverTheirPort(count: Int) {
        var addresses = NodeAddresses()
        // In no order, and one of them twice.
        let listed = (0..<count).map { $0 * 7 % 1_024 * 3 }
        addresses.replace(with: (listed + [9_000, 9_000]).map { address($0) })
        let known = Set(listed)
        var wrong: [Int] = []
        for number in 0..<3_072 where addresses.contains(address(number, port: 5)) != known.contains(number) {
            wrong.append(number)
        }
        #expect(wrong == [])
        addresses.replace(with: [])
        let isKnown = addresses.contains(address(0))
        #expect(!isKnown && addresses.count == 0)
    }

    @Test func moreThanThereMayBeAreLeftOut() {
        var addresses = NodeAddresses()
        addresses.replace(with: (0..<3_000).map { address($0) })
        #expect(addresses.count == NodeAddresses.countMax)
        let isLowest = addresses.contains(address(0))
        #expect(isLowest)
    }
}
