/// Bytes in order, taken from the front.
struct ByteQueue {
    private var bytes: [UInt8] = []
    private var first = 0

    var count: Int { bytes.count - first }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

    /// Copies up to `count` bytes to `room` and removes them. Returns how many.
    mutating func take(_ count: Int, to room: UnsafeMutableRawPointer) -> Int {
        let taken = min(count, self.count)
        guard taken > 0 else { return 0 }
        bytes.withUnsafeBytes { room.copyMemory(from: $0.baseAddress! + first, byteCount: taken) }
        drop(taken)
        return taken
    }

    /// Removes and returns up to `count` bytes.
    mutating func take(_ count: Int) -> [UInt8] {
        let taken = min(count, self.count)
        let front = Array(bytes[first..<first + taken])
        drop(taken)
        return front
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        first = 0
    }

    private mutating func drop(_ count: Int) {
        first += count
        if first == bytes.count {
            removeAll()
        } else if first > 65_536 && first > bytes.count / 2 {
            bytes.removeFirst(first)
            first = 0
        }
    }
}
