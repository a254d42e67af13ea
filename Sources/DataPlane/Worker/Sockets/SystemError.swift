import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// The Linux error numbers a worker tells apart; a completion carries them negated. (Pure code cannot see <errno.h>.)
package enum SystemError {
    package static var interrupted: Int32 { 4 }
    package static var again: Int32 { 11 }
    package static var tooManyFilesInSystem: Int32 { 23 }
    package static var tooManyFiles: Int32 { 24 }
    package static var messageTooLong: Int32 { 90 }
    package static var noBuffers: Int32 { 105 }
    package static var connectionRefused: Int32 { 111 }
    package static var cancelled: Int32 { 125 }
}
