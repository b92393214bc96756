/** Clocks and timers: uapi/linux/time_types.h, time.h, timerfd.h. 64-bit seconds everywhere. */
import { struct } from '../layout.ts';

export const __kernel_timespec = struct('__kernel_timespec', 16, { tv_sec: 's64', tv_nsec: 's64' });

export const itimerspec = struct('itimerspec', 32, {
  it_interval: __kernel_timespec,
  it_value: __kernel_timespec,
});

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;

export const TFD_TIMER_ABSTIME = 1 << 0;
export const TFD_CLOEXEC = 0o2000000;
export const TFD_NONBLOCK = 0o4000;
