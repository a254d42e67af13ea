import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// The Linux error numbers a worker tells apart; a completion carries them negated. (Pure code cannot see <errno.h>.)
package enum SystemError {
    package static let interrupted: Int32 = 4
    package static let again: Int32 = 11
    package static let tooManyFilesInSystem: Int32 = 23
    package static let tooManyFiles: Int32 = 24
    package static let messageTooLong: Int32 = 90
    package static let noBuffers: Int32 = 105
    package static let connectionRefused: Int32 = 111
    package static let cancelled: Int32 = 125
}
