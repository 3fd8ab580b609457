/* See ../README.md. */
#ifndef STUB_MACH_H
#define STUB_MACH_H
typedef unsigned mach_port_t;
typedef int kern_return_t;
#define KERN_SUCCESS   0
#define MACH_PORT_NULL 0
mach_port_t mach_task_self(void);
kern_return_t task_for_pid(mach_port_t target, int pid, mach_port_t *task);
kern_return_t mach_port_deallocate(mach_port_t task, mach_port_t name);
#endif
