// NOT EXECUTED: see SealedMessage.swift.
//
// A notification service extension: iOS runs it for pushes with `mutable-content`, before anything
// is shown. The neutral text that came with the push stays if the body does not open.

import Foundation
import UserNotifications

final class NotificationService: UNNotificationServiceExtension {
    private var deliver: ((UNNotificationContent) -> Void)?
    private var fallback: UNNotificationContent?

    override func didReceive(
        _ request: UNNotificationRequest,
        withContentHandler contentHandler: @escaping (UNNotificationContent) -> Void
    ) {
        deliver = contentHandler
        fallback = request.content
        finish(with: opened(request.content) ?? request.content)
    }

    /// iOS gives about 30 seconds.
    override func serviceExtensionTimeWillExpire() {
        if let fallback { finish(with: fallback) }
    }

    private func opened(_ content: UNNotificationContent) -> UNNotificationContent? {
        guard let keys = loadKeys(),
            let json = try? keys.open(userInfo: content.userInfo),
            let message = try? JSONDecoder().decode(DeclarativeMessage.self, from: json),
            message.web_push == 8030,
            let changed = content.mutableCopy() as? UNMutableNotificationContent
        else { return nil }
        changed.title = message.notification.title
        changed.body = message.notification.body ?? ""
        changed.threadIdentifier = message.notification.tag ?? ""
        // Check scheme and host before you open it on a tap.
        changed.userInfo["navigate"] = message.notification.navigate
        return changed
    }

    private func finish(with content: UNNotificationContent) {
        deliver?(content)
        deliver = nil
    }

    /// Reads what the app put into the shared Keychain group; yours to write.
    private func loadKeys() -> SealedMessages? {
        nil
    }
}

/// The members of the crate's `Notification` that iOS has a use for.
private struct DeclarativeMessage: Decodable {
    struct Content: Decodable {
        let title: String
        let navigate: String
        let body: String?
        let tag: String?
    }

    let web_push: Int
    let notification: Content
}
