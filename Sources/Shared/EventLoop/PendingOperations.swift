internal import Operations
internal import Primitives

/// The operations that wait for readiness: a slab whose places are chained per descriptor and direction, and found by
/// token when they are cancelled. Place 0 is none.
struct PendingOperations: ~Copyable {
    struct Place: BitwiseCopyable {
        var operation: Operation
        /// The next on the same descriptor and direction, or the next free place.
        var next: UInt32
        var nextInBucket: UInt32
    }

    private let places: ZeroedSlab<Place>
    private let buckets: ZeroedSlab<UInt32>
    private let shift: UInt64
    private var firstFree: UInt32 = 0
    /// Places from here on were never used.
    private var untouched: UInt32 = 1
    private(set) var count = 0

    /// Room for `capacity` operations; nil when there is no memory.
    init?(capacity: Int) {
        // No more than most workers ever have waiting: tokens spread over all of them, and every page is touched.
        var bits: UInt64 = 6
        while 1 << bits < capacity, bits < 16 { bits += 1 }
        guard
            let places = ZeroedSlab<Place>(count: capacity + 1),
            let buckets = ZeroedSlab<UInt32>(count: 1 << Int(bits))
        else { return nil }
        self.places = places
        self.buckets = buckets
        shift = 64 - bits
    }

    var isFull: Bool { @_noLocks get { count == places.count - 1 } }

    @_noLocks
    func operation(at place: UInt32) -> Operation { places.cells[Int(place)].operation }
    @_noLocks
    func next(after place: UInt32) -> UInt32 { places.cells[Int(place)].next }

    /// Adds one at the end of `chain`. There must be room.
    @_noLocks
    mutating func append(_ operation: Operation, to chain: inout OperationChain) {
        precondition(!isFull)
        let place = takeFree()
        let bucket = bucket(of: operation.token)
        places.cells[Int(place)] = Place(operation: operation, next: 0, nextInBucket: bucket.pointee)
        bucket.pointee = place
        if chain.first == 0 {
            chain.first = place
        } else {
            places.cells[Int(chain.last)].next = place
        }
        chain.last = place
        count += 1
    }

    /// Takes the first of `chain` out.
    @_noLocks
    mutating func removeFirst(of chain: inout OperationChain) {
        remove(chain.first, from: &chain)
    }

    /// Takes `place` out of `chain`, wherever it is in it.
    @_noLocks
    mutating func remove(_ place: UInt32, from chain: inout OperationChain) {
        precondition(place != 0)
        unhash(place)
        let next = places.cells[Int(place)].next
        if chain.first == place {
            chain.first = next
            if next == 0 { chain.last = 0 }
        } else {
            var before = chain.first
            while places.cells[Int(before)].next != place { before = places.cells[Int(before)].next }
            places.cells[Int(before)].next = next
            if chain.last == place { chain.last = before }
        }
        places.cells[Int(place)].next = firstFree
        firstFree = place
        count -= 1
    }

    /// Where the operation with `token` waits; 0 when none does.
    @_noLocks
    func find(_ token: Token) -> UInt32 {
        var place = bucket(of: token).pointee
        while place != 0 && places.cells[Int(place)].operation.token.raw != token.raw {
            place = places.cells[Int(place)].nextInBucket
        }
        return place
    }

    @_noLocks
    private mutating func takeFree() -> UInt32 {
        if firstFree != 0 {
            let place = firstFree
            firstFree = places.cells[Int(place)].next
            return place
        }
        untouched += 1
        return untouched - 1
    }

    @_noLocks
    private mutating func unhash(_ place: UInt32) {
        let nextInBucket = places.cells[Int(place)].nextInBucket
        let bucket = bucket(of: places.cells[Int(place)].operation.token)
        if bucket.pointee == place {
            bucket.pointee = nextInBucket
            return
        }
        var before = bucket.pointee
        while places.cells[Int(before)].nextInBucket != place { before = places.cells[Int(before)].nextInBucket }
        places.cells[Int(before)].nextInBucket = nextInBucket
    }

    /// Multiplicative (Fibonacci) hashing: tokens differ in their low bits.
    @_noLocks
    private func bucket(of token: Token) -> UnsafeMutablePointer<UInt32> {
        buckets.cells + Int((token.raw &* 0x9E37_79B9_7F4A_7C15) &>> shift)
    }
}

/// The operations that wait on one direction of one descriptor, oldest first.
struct OperationChain: BitwiseCopyable {
    var first: UInt32 = 0
    var last: UInt32 = 0

    var isEmpty: Bool { @_noLocks get { first == 0 } }
}
