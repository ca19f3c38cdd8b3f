import Foundation
import Messages

extension DeviceProfile {
  /// Reads a profile that `kvplan calibrate` wrote.
  ///
  /// - Throws: ``UserError`` for a file that cannot be read or is no profile of this version.
  package static func read(path: String) throws -> DeviceProfile {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UserError("cannot read profile `\(path)`: no such file")
    }
    do {
      let profile = try JSONDecoder().decode(DeviceProfile.self, from: data)
      try profile.validate(path: path)
      return profile
    } catch let error as UserError {
      throw error
    } catch {
      throw UserError(
        "\(path): not a device profile", hint: "`kvplan calibrate` makes profiles")
    }
  }

  /// The profile that prices `device`: the user's own, or the one that the tool carries.
  ///
  /// - Throws: ``UserError`` for a profile of another device.
  package static func pricing(
    _ device: DeviceSpec, own: DeviceProfile?
  ) throws -> DeviceProfile {
    try ProfileChoice(device: device, own: own).profile
  }
}
