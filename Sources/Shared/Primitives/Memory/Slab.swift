/// A fixed number of slots of a trivial element, reused by a free list, each with a generation.
///
/// Slots name each other by index; the generation tells a late completion or message from one that is meant for the
/// slot's present owner. Memory beyond the highest slot ever used is never touched, so a large capacity costs address
/// space only.
@frozen
public struct Slab<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline let elements: UnsafeMutablePointer<Element>
    @usableFromInline let generations: UnsafeMutablePointer<UInt32>
    /// Next free slot, or `inUse`.
    @usableFromInline let links: UnsafeMutablePointer<UInt32>
    @usableFromInline var firstFree: UInt32 = .max
    @usableFromInline var highWater: UInt32 = 0
    public let capacity: UInt32
    public private(set) var count: UInt32 = 0

    @usableFromInline static var inUse: UInt32 { .max - 1 }

    /// Bytes that one slot takes, its generation and its place in the free list included.
    public static var bytesPerSlot: Int { MemoryLayout<Element>.stride + 2 * MemoryLayout<UInt32>.stride }

    /// An empty slab; it never grows.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity < 1 << 31)
        self.capacity = UInt32(capacity)
        elements = .allocate(capacity: capacity)
        generations = .allocate(capacity: capacity)
        links = .allocate(capacity: capacity)
    }

    deinit {
        elements.deallocate()
        generations.deallocate()
        links.deallocate()
    }

    @inlinable public var isFull: Bool { count == capacity }
    /// One past the highest slot ever taken: the bound for walks over all slots.
    @inlinable public var end: UInt32 { highWater }

    /// A slot holding `value`, or nil when all are taken.
    @inlinable
    public mutating func take(_ value: Element) -> UInt32? {
        let slot: UInt32
        if firstFree != .max {
            slot = firstFree
            firstFree = links[Int(slot)]
        } else if highWater < capacity {
            slot = highWater
            highWater += 1
            generations[Int(slot)] = 0
        } else {
            return nil
        }
        links[Int(slot)] = Self.inUse
        setCount(count + 1)
        (elements + Int(slot)).initialize(to: value)
        return slot
    }

    @usableFromInline mutating func setCount(_ value: UInt32) { count = value }

    /// Gives a slot back; its generation moves on.
    @inlinable
    public mutating func give(_ slot: UInt32) {
        precondition(isLive(slot))
        generations[Int(slot)] = (generations[Int(slot)] &+ 1) & 0xFF_FFFF
        links[Int(slot)] = firstFree
        firstFree = slot
        setCount(count - 1)
    }

    @inlinable
    public func isLive(_ slot: UInt32) -> Bool { slot < highWater && links[Int(slot)] == Self.inUse }

    /// Whether `slot` is taken and still in its `generation` (24 bits).
    @inlinable
    public func isCurrent(_ slot: UInt32, _ generation: UInt32) -> Bool {
        isLive(slot) && generations[Int(slot)] == generation
    }

    @inlinable
    public func generation(of slot: UInt32) -> UInt32 { generations[Int(slot)] }

    /// The element in place. The pointer stays valid as long as the slab.
    @inlinable
    public subscript(slot: UInt32) -> UnsafeMutablePointer<Element> {
        precondition(isLive(slot))
        return elements + Int(slot)
    }
}
