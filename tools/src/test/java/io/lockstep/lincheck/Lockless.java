package io.lockstep.lincheck;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.commons.ClassRemapper;
import org.objectweb.asm.commons.Remapper;

/**
 * Confined to its caller. A class that guards itself by a lock, defined again without its locks and
 * under another name: what it does with a {@link java.util.concurrent.locks.ReentrantLock}, a
 * condition or a monitor is left out. What a check says of it shows whether that check would notice
 * a broken lock.
 */
final class Lockless {
  private static final Set<String> LOCKS =
      Set.of("java/util/concurrent/locks/ReentrantLock", "java/util/concurrent/locks/Condition");

  private static final String SUFFIX = "Lockless";

  private final String guarded;
  private final String operations;
  private int removed;

  private Lockless(Class<?> guarded, Class<?> operations) {
    this.guarded = internalName(guarded);
    this.operations = internalName(operations);
  }

  private static String internalName(Class<?> type) {
    return type.getName().replace('.', '/');
  }

  /** The operations, on the class without its locks. */
  static Class<?> operationsOn(Class<?> guarded, Class<?> operations) throws Exception {
    Lockless lockless = new Lockless(guarded, operations);
    lockless.define(guarded);
    if (lockless.removed == 0) {
      throw new IllegalArgumentException(guarded + " uses no lock");
    }
    return lockless.define(operations);
  }

  /** Defines the class and those nested in it beside the original, in the same package. */
  private Class<?> define(Class<?> original) throws Exception {
    MethodHandles.Lookup lookup = MethodHandles.privateLookupIn(original, MethodHandles.lookup());
    Class<?> defined = lookup.defineClass(changed(original));
    for (Class<?> nested : nested(original)) {
      lookup.defineClass(changed(nested));
    }
    return defined;
  }

  /** Anonymous ones too. None of these classes has a nested one that extends another nested one. */
  private static List<Class<?>> nested(Class<?> original) {
    return Arrays.stream(original.getNestMembers()).filter(type -> type != original).toList();
  }

  private byte[] changed(Class<?> original) throws IOException {
    String file = internalName(original) + ".class";
    try (InputStream in = original.getClassLoader().getResourceAsStream(file)) {
      ClassWriter writer = new ClassWriter(0);
      ClassVisitor renaming = new ClassRemapper(writer, new Renaming());
      new ClassReader(in).accept(new Unlocking(renaming), 0);
      return writer.toByteArray();
    }
  }

  private final class Renaming extends Remapper {
    @Override
    public String map(String name) {
      return renamed(renamed(name, guarded), operations);
    }

    private static String renamed(String name, String one) {
      boolean meant = name.equals(one) || name.startsWith(one + "$");
      return meant ? one + SUFFIX + name.substring(one.length()) : name;
    }
  }

  private final class Unlocking extends ClassVisitor {
    Unlocking(ClassVisitor next) {
      super(Opcodes.ASM9, next);
    }

    @Override
    public MethodVisitor visitMethod(
        int access, String name, String type, String signature, String[] exceptions) {
      MethodVisitor next = super.visitMethod(access, name, type, signature, exceptions);
      return new MethodVisitor(Opcodes.ASM9, next) {
        @Override
        public void visitMethodInsn(
            int opcode, String owner, String called, String calledType, boolean isInterface) {
          if (LOCKS.contains(owner) && calledType.equals("()V") && !called.equals("<init>")) {
            removed++;
            super.visitInsn(Opcodes.POP);
          } else {
            super.visitMethodInsn(opcode, owner, called, calledType, isInterface);
          }
        }

        @Override
        public void visitInsn(int opcode) {
          boolean monitor = opcode == Opcodes.MONITORENTER || opcode == Opcodes.MONITOREXIT;
          removed += monitor ? 1 : 0;
          super.visitInsn(monitor ? Opcodes.POP : opcode);
        }
      };
    }
  }
}
