import Primitives

/// The opcodes of WebSocket frames (RFC 6455 §5.2).
package enum WebSocketOpcode: UInt8, Sendable, BitwiseCopyable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// By number, without the generic initialiser's table.
    @_noLocks init?(number: UInt8) {
        switch number {
        case 0: self = .continuation
        case 1: self = .text
        case 2: self = .binary
        case 8: self = .close
        case 9: self = .ping
        case 10: self = .pong
        default: return nil
        }
    }
}

/// The bytes before a frame's payload (RFC 6455 §5.2): two, then the longer length forms, then the mask's key.
package enum WebSocketHeader {
    /// Longest header in bytes.
    package static var byteCountMax: Int { @_noLocks get { 14 } }

    /// Bytes of the header of a frame with `payload` bytes.
    @_noLocks package static func byteCount(payload: Int, masked: Bool) -> Int {
        let length = payload < 126 ? 2 : payload < 65_536 ? 4 : 10
        return masked ? length &+ 4 : length
    }

    /// Writes a header at `target`, which must have room for `byteCount(payload:masked:)` bytes; gives that number.
    /// `key`, where given, is the mask's four bytes as a little-endian number (`Mask`).
    @_noLocks package static func write(
        to target: UnsafeMutableRawPointer, opcode: WebSocketOpcode, isFinal: Bool = true, payload: Int, key: UInt32?
    ) -> Int {
        precondition(payload >= 0)
        target.storeBytes(of: opcode.rawValue | (isFinal ? 0x80 : 0), as: UInt8.self)
        let masked: UInt8 = key == nil ? 0 : 0x80
        var count = 2
        if payload < 126 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: payload) | masked, toByteOffset: 1, as: UInt8.self)
        } else if payload < 65_536 {
            target.storeBytes(of: 126 | masked, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(of: UInt16(payload).bigEndian, toByteOffset: 2, as: UInt16.self)
            count = 4
        } else {
            target.storeBytes(of: 127 | masked, toByteOffset: 1, as: UInt8.self)
            target.storeBytes(of: UInt64(payload).bigEndian, toByteOffset: 2, as: UInt64.self)
            count = 10
        }
        if let key {
            target.storeBytes(of: key.littleEndian, toByteOffset: count, as: UInt32.self)
            count = count &+ 4
        }
        return count
    }
}

/// A close frame (RFC 6455 §5.5.1).
package enum WebSocketClose {
    /// Writes a close frame with `code` and no text at `target`, which must have room for eight bytes; gives its bytes.
    @_noLocks package static func write(to target: UnsafeMutableRawPointer, code: UInt16, key: UInt32?) -> Int {
        let count = WebSocketHeader.write(to: target, opcode: .close, payload: 2, key: key)
        target.storeBytes(of: code.bigEndian, toByteOffset: count, as: UInt16.self)
        if let key { Mask.apply(target + count, count: 2, key: key) }
        return count &+ 2
    }
}
