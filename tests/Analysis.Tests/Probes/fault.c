// gcc -g -O0 -c fault.c && pahole -J fault.o && objcopy -g fault.o; the section .BTF of it is fault.btf.
struct slot { unsigned long long base; short id; unsigned int flags; };
struct inner { unsigned int a; unsigned int b; };
struct fault { unsigned long long addr; union { unsigned long long flags; struct inner pair; }; struct slot *slot; unsigned char writable : 1; unsigned char ready; struct nowhere *hidden; };
typedef const struct fault fault_t;
enum color { red, green };
int handle(void *vcpu, fault_t *fault, enum color color) { return fault->addr + fault->slot->id + color + (vcpu != 0); }
void forget(struct slot *slot, int *number) { slot->flags = *number; }
