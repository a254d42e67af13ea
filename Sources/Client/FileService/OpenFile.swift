internal import CLinux
internal import Glibc

/// An open file or directory; closed when nobody holds it any more.
final class OpenFile: Sendable {
    enum Kind { case file, directory, other }

    let descriptor: Int32
    let kind: Kind
    let length: UInt64
    /// Last change, since 1970.
    let modifiedSeconds: Int64
    let modifiedNanoseconds: Int64

    /// Takes the descriptor over; nil (and closed) when it cannot be asked what it is.
    init?(adopting descriptor: Int32) {
        var status = culvert_file_status()
        guard culvert_file_status(descriptor, &status) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
        kind = status.is_file != 0 ? .file : status.is_directory != 0 ? .directory : .other
        length = status.length
        modifiedSeconds = status.modified_seconds
        modifiedNanoseconds = status.modified_nanoseconds
    }

    deinit { close(descriptor) }

    /// Reads up to `buffer.count` bytes at an offset; 0 at the end. Throws the kernel's error number.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(ReadFault) -> Int {
        while true {
            let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw ReadFault(number: errno) }
        }
    }

    /// The kernel would not read.
    struct ReadFault: Error {
        var number: Int32
    }
}
