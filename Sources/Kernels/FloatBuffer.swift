import Foundation

/// Floats in memory of their own, aligned for vector loads, at one place as long as they live.
///
/// A class, because kernels and OpenBLAS take addresses. It does no locking: buffers that are written
/// belong to one engine, those that engines share are only read.
package final class FloatBuffer: @unchecked Sendable {
  package let count: Int
  package let start: UnsafeMutablePointer<Float>

  /// Great buffers begin at a huge page and ask for huge pages: block tables point all over an arena,
  /// and small pages would make the walk of the page tables part of what is measured.
  private static let hugePage = 2 << 20

  /// Makes a buffer of zeros.
  package init(count: Int) {
    let bytes = max(count, 16) * MemoryLayout<Float>.stride
    let isGreat = bytes >= Self.hugePage
    let size = isGreat ? (bytes + Self.hugePage - 1) / Self.hugePage * Self.hugePage : bytes
    var memory: UnsafeMutableRawPointer?
    let status = posix_memalign(&memory, isGreat ? Self.hugePage : 64, size)
    guard status == 0, let memory else {
      preconditionFailure("FloatBuffer: no memory for \(count) floats")
    }
    #if os(Linux)
      if isGreat { madvise(memory, size, MADV_HUGEPAGE) }
    #endif
    memset(memory, 0, size)
    self.count = count
    start = memory.bindMemory(to: Float.self, capacity: size / MemoryLayout<Float>.stride)
  }

  deinit { free(start) }

  package subscript(index: Int) -> Float {
    get {
      precondition(index >= 0 && index < count, "FloatBuffer[\(index)] of \(count)")
      return start[index]
    }
    set {
      precondition(index >= 0 && index < count, "FloatBuffer[\(index)] of \(count)")
      start[index] = newValue
    }
  }

  /// The address of element `index`, from which on `count` elements must exist.
  package func address(_ index: Int, count wanted: Int) -> UnsafeMutablePointer<Float> {
    precondition(
      index >= 0 && wanted >= 0 && index + wanted <= count,
      "FloatBuffer: \(wanted) floats from \(index) on, of \(count)")
    return start + index
  }
}

/// A buffer that grows to what is asked for, and then stays as it is.
struct ScratchBuffer {
  private var buffer = FloatBuffer(count: 0)

  /// Room for `count` floats; what was in it is lost when it grows.
  mutating func room(_ count: Int) -> UnsafeMutablePointer<Float> {
    if buffer.count < count { buffer = FloatBuffer(count: max(count, 2 * buffer.count)) }
    return buffer.start
  }
}
