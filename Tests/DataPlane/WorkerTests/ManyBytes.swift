import Testing

/// As `#expect(left == right)`, without the bytes in the message: they are many.
func expectSame(_ left: [UInt8], _ right: [UInt8], location: SourceLocation = #_sourceLocation) {
    let isSame = left == right
    let first = zip(left, right).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    #expect(isSame, "\(left.count) bytes for \(right.count), first other at \(first ?? -1)", sourceLocation: location)
}
