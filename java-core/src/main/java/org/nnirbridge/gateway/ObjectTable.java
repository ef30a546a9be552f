package org.nnirbridge.gateway;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.nnirbridge.diagnostic.InvalidArgument;

/**
 * The objects that the other process holds, by the handle it gave each.
 *
 * <p>A handle that is released before its object is there (the call was interrupted) never keeps
 * the object.
 */
final class ObjectTable {
  private final Map<Long, Object> objects = new HashMap<>();
  private final Set<Long> abandoned = new HashSet<>();

  synchronized void put(long handle, Object object) {
    if (!abandoned.remove(handle)) {
      objects.put(handle, object);
    }
  }

  synchronized <T> T get(long handle, Class<T> type) {
    Object object = objects.get(handle);
    if (!type.isInstance(object)) {
      throw new InvalidArgument(
          "the gateway holds no " + type.getSimpleName() + " with handle " + handle);
    }
    return type.cast(object);
  }

  /** Takes an object that is used once. */
  synchronized <T> T take(long handle, Class<T> type) {
    T object = get(handle, type);
    objects.remove(handle);
    return object;
  }

  void release(long handle) {
    Object object;
    synchronized (this) {
      object = objects.remove(handle);
      if (object == null) {
        abandoned.add(handle);
      }
    }
    if (object instanceof VmSession session) {
      session.close();
    }
  }

  synchronized int size() {
    return objects.size();
  }
}
