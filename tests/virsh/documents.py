"""Real domain XML: what virt-install writes for many guests, machines, devices and options.

As a program it prints documents for a driver, as JSON. It uses virt-install as a library: to start
it for every document would take minutes.

    documents.py URI DRIVER
"""

import contextlib
import io
import itertools
import json
import random
import re
import shlex
import sys

MACHINES = [f"pc-{kind}-{version}" for kind in ("i440fx", "q35")
            for version in ("7.2", "7.1", "6.2", "6.0", "5.2", "4.2", "4.0", "3.1", "2.12", "2.4")]
FIRMWARES = ["", "--boot firmware=efi",
             "--boot loader=/fw.fd,loader.readonly=yes,loader.type=pflash",
             "--boot hd,network,cdrom,bootmenu.enable=on,bios.useserial=on"]
GUESTS = 100
MIXES = 150
ANONYMOUS = re.compile(r"<(name|uuid|genid)>.*?</\1>|<genid/>|<mac address=\S+")

# What is added to an option line that does not say it.
DEFAULTS = {"--memory": "64", "--disk": "none", "--network": "none", "--graphics": "none",
            "--osinfo": "detect=off,require=off"}
NOT_FOR_TEST = {"--machine", "--arch"}
INSTALLATIONS = {"--pxe", "--cdrom", "--install"}

MDEV = "--hostdev type=mdev,xpath0.set=./@model,xpath0.value={}," \
    "xpath1.set=./source/address/@uuid,xpath1.value={}"
PCI = "--hostdev type=pci,xpath0.set=./source/address/@bus,xpath0.value={},xpath1.set=" \
    "./source/address/@slot,xpath1.value=0,xpath2.set=./source/address/@function,xpath2.value=0," \
    "xpath3.set=./source/address/@domain,xpath3.value=0"
USB = "--hostdev type=usb,xpath0.set=./source/vendor/@id,xpath0.value=0x1d6b," \
    "xpath1.set=./source/product/@id,xpath1.value={}"
SCSI = "--hostdev type=scsi,xpath0.set=./source/adapter/@name,xpath0.value=scsi_host0," \
    "xpath1.set=./source/address/@bus,xpath1.value=0,xpath2.set=./source/address/@target," \
    "xpath2.value=0,xpath3.set=./source/address/@unit,xpath3.value={}"
MDEV_UUID = "c2177883-f1bb-47f0-914d-32a22e3a88{:02}"
OVERRIDE = "--xml ./qemu:override/qemu:device/@alias={} " + " ".join(
    f"--xml ./qemu:override/qemu:device/qemu:frontend/qemu:property/@{attribute}"
    for attribute in ("name=x-no-mmap", "type=bool", "value=true"))

# One line, one document; what is indented further goes on with the line before.
CONTINUED = re.compile(r"\n {11}(?:( )(?=--)| )")
FAMILIES = {
    "disks": """
        --disk /var/tmp/d.qcow2,size=1,format=qcow2
        --disk /var/tmp/d.img,size=1,bus=sata,cache=none,driver.io=native
        --disk /var/tmp/d.img,size=1,bus=scsi,driver.discard=unmap --controller scsi,
            model=virtio-scsi
        --disk /var/tmp/d.img,size=1,bus=ide,driver.detect_zeroes=on,serial=a-b
        --disk /var/tmp/d.img,size=1,bus=usb,target.removable=yes
        --disk /var/tmp/d.img,size=1,bus=virtio,driver.queues=4,driver.iommu=on,driver.packed=on
        --disk /var/tmp/d.img,size=1,shareable=on,format=raw,driver.cache=none
        --disk /var/tmp/d.img,size=1,bus=virtio,readonly=on,boot.order=1
        --disk /var/tmp/d.img,size=1,transient=on
        --disk /var/tmp/d.img,size=1,iotune.total_iops_sec=10,iotune.read_bytes_sec=0
        --disk /var/tmp/d.img,size=1,geometry.cyls=16,geometry.heads=16,geometry.secs=63
        --disk /var/tmp/d.img,size=1,blockio.logical_block_size=512,blockio.physical_block_size=4096
        --disk /var/tmp/d.img,size=1,target.dev=vdq,alias.name=ua-disk
        --disk /var/tmp/d.img,size=1,target.dev=sdb,bus=scsi,target.rotation_rate=7200,
            wwn=5000c50015ea71aa
        --disk /var/tmp/a.img,size=1 --disk /var/tmp/b.img,size=1 --disk /var/tmp/c.img,size=1
        --disk device=cdrom
        --disk device=cdrom,bus=sata,boot.order=2
        --disk device=floppy
        --disk type=network,source.protocol=nbd,source.host.name=h.example,source.host.port=10809
        --disk type=network,source.protocol=rbd,source.name=pool/image,source.host.name=h.example
        --disk type=network,source.protocol=iscsi,source.name=iqn.2013-07.com.example:pool/1,
            source.host.name=h.example
        --disk type=network,source.protocol=gluster,source.name=vol/img,source.host.name=h.example,
            source.host.transport=tcp
        --disk type=network,source.protocol=https,source.name=a.iso,source.host.name=h.example,
            device=cdrom
        --disk type=nvme,bus=virtio,format=raw,source.type=pci,source.managed=yes,
            source.namespace=1,source.address.domain=0,source.address.bus=1,source.address.slot=0,
            source.address.function=0
        --disk /var/tmp/d.img,size=1,driver.error_policy=report,driver.copy_on_read=on
        --disk /var/tmp/d.img,size=1,bus=virtio,driver.iothread=1 --iothreads 2
    """,
    "networks": """
        --network network=default
        --network network=default,model=e1000,mac=52:54:00:00:00:01
        --network network=default,portgroup=p,link.state=down
        --network network=default,filterref=clean-traffic,trustGuestRxFilters=yes
        --network bridge=br0,model=virtio,driver.name=vhost,driver.queues=4
        --network bridge=br0,virtualport.type=openvswitch,
            virtualport.parameters.interfaceid=09b11c53-8b5c-4eeb-8f00-d84eaa0aaa4f
        --network user,model=rtl8139
        --network user,rom.bar=on,rom.file=/etc/rom.bin,boot.order=1
        --network network=default,mtu.size=9000,target.dev=tap7
        --network type=direct,source=eth0,source.mode=bridge
        --network type=direct,source=eth0,source.mode=passthrough,model=virtio
        --network type=ethernet,target.dev=tap0
        --network type=vhostuser,source.type=unix,source.path=/run/s,source.mode=client,
            model=virtio --memorybacking access.mode=shared
        --network type=vdpa,model=virtio,xpath0.set=./source/@dev,xpath0.value=/dev/vhost-vdpa-0
        --network user --network user --network network=default
        --network type=hostdev,xpath0.set=./source/address/@type,xpath0.value=pci,
            xpath1.set=./source/address/@bus,xpath1.value=4,xpath2.set=./source/address/@domain,
            xpath2.value=0,xpath3.set=./source/address/@slot,xpath3.value=0,
            xpath4.set=./source/address/@function,xpath4.value=0
        --network user,model=virtio,driver.iommu=on,driver.ats=on,driver.packed=off,
            driver.page_per_vq=on
        --network user,alias.name=ua-net,address.type=pci,address.bus=0,address.slot=9,
            address.domain=0,address.function=0
    """,
    "screens": """
        --graphics vnc
        --graphics vnc,port=5999,password=secret,listen=0.0.0.0
        --graphics vnc,listen=none --video virtio
        --graphics vnc,keymap=de,websocket=5700
        --graphics vnc,listens0.type=socket,listens0.socket=/tmp/vnc.sock
        --graphics vnc,passwordValidTo=2040-01-01T00:00:00,password=pass,connected=keep
        --graphics spice
        --graphics spice,tlsPort=5901,port=5900,defaultMode=insecure
        --graphics spice,image.compression=auto_glz,zlib.compression=auto,streaming.mode=filter
        --graphics spice,clipboard.copypaste=no,filetransfer.enable=no,mouse.mode=client
        --graphics spice,gl.enable=yes,listen=none --video virtio,model.acceleration.accel3d=yes
        --graphics sdl
        --graphics egl-headless --graphics vnc
        --graphics dbus
        --video vga
        --video cirrus
        --video bochs
        --video ramfb
        --video none
        --video qxl,model.ram=65536,model.vram=65536,model.vgamem=16384,model.heads=2
        --video qxl --video qxl
        --video virtio,model.heads=3,driver.iommu=on
        --video vmvga
        --sound ich9
        --sound ac97,alias.name=ua-sound
        --sound ich6,codec.type=micro
        --sound usb,audio.id=1 --audio id=1,type=none
        --audio id=1,type=spice --sound es1370 --graphics spice
        --sound sb16 --sound pcspk
    """,
    "characters": """
        --serial pty
        --serial file,path=/var/tmp/log
        --serial tcp,host=127.0.0.1:2222,mode=bind,protocol.type=telnet
        --serial udp,host=127.0.0.1:4444,bind_host=127.0.0.1:4445
        --serial unix,path=/tmp/s,mode=bind,log.file=/tmp/l,log.append=on
        --serial null --serial dev,path=/dev/ttyS0
        --serial pty,target.type=isa-serial,target.model.name=isa-serial,target.port=1
        --serial spiceport,source.channel=org.example.port --graphics spice
        --parallel file,path=/var/tmp/p
        --parallel unix,path=/var/tmp/p,mode=connect
        --console pty,target.type=virtio
        --console pty --console none
        --console pty,target.type=serial,alias.name=ua-console
        --channel unix,mode=bind,target.type=virtio,target.name=org.qemu.guest_agent.0
        --channel spicevmc --graphics spice
        --channel pty,target.type=virtio,target.name=a.b.c
        --channel pty,target.type=guestfwd,target.address=127.0.0.1:10000
        --channel qemu-vdagent,source.clipboard.copypaste=on,target.type=virtio,
            target.name=com.redhat.spice.0
        --smartcard host
        --smartcard passthrough,type=spicevmc --graphics spice
        --redirdev usb,type=spicevmc --redirdev usb,type=spicevmc --graphics spice
        --redirdev usb,type=tcp,server=localhost:4000,boot.order=1
        --input tablet
        --input keyboard,bus=usb --input mouse,bus=usb
        --input tablet,bus=virtio --input keyboard,bus=virtio
        --input passthrough,bus=virtio,source.evdev=/dev/input/event1
        --input evdev,source.dev=/dev/input/event1,source.grab=all,source.repeat=on
    """,
    "devices": """
        --rng /dev/urandom
        --rng random,rate.bytes=1024,rate.period=1000,driver.iommu=on
        --rng egd,backend.source.host=127.0.0.1,backend.source.service=8000,
            backend.source.mode=connect,backend.type=tcp
        --rng builtin
        --watchdog default
        --watchdog ib700,action=pause
        --watchdog i6300esb,action=poweroff,alias.name=ua-dog
        --tpm default
        --tpm emulator,model=tpm-crb,backend.version=2.0
        --tpm emulator,model=tpm-tis,backend.version=2.0,backend.persistent_state=yes,
            active_pcr_banks.sha256=on
        --tpm /dev/tpm0
        --panic default
        --panic hyperv
        --panic isa,address.type=isa,address.iobase=0x506
        --vsock cid.auto=yes
        --vsock cid.auto=no,cid.address=7,driver.iommu=on
        --shmem name=s,model.type=ivshmem-plain,size=8,size.unit=M
        --shmem name=s,model.type=ivshmem-doorbell,server.path=/tmp/s,msi.vectors=4,msi.ioeventfd=on
        --memballoon none
        --memballoon virtio
        --memballoon virtio,autodeflate=on
        --memballoon virtio,freePageReporting=on,stats.period=10
        --memballoon virtio-transitional
        --memballoon virtio-non-transitional --machine q35
        --memballoon virtio,stats.period=5,driver.iommu=on,driver.ats=on,alias.name=ua-balloon
        --memballoon virtio,address.type=pci,address.domain=0,address.bus=0,address.slot=12,
            address.function=0
        --filesystem /srv,tag
        --filesystem /srv,tag,type=mount,accessmode=mapped,readonly=yes
        --filesystem /srv,tag,accessmode=mapped,multidevs=remap,fmode=0600,dmode=0700
        --filesystem /srv,fs,driver.type=virtiofs,binary.path=/usr/lib/v,binary.cache.mode=always,
            binary.xattr=on --memorybacking source.type=memfd,access.mode=shared
        --filesystem /srv,a --filesystem /usr,b
        --controller usb,model=qemu-xhci,xpath0.set=./@ports,xpath0.value=8
        --controller usb2
        --controller usb3
        --controller usb,model=none
        --controller scsi,model=lsilogic
        --controller scsi,model=virtio-scsi,driver.queues=4,driver.iothread=1 --iothreads 1
        --controller virtio-serial,index=0,vectors=4 --controller sata
        --controller pci,index=1,model=pcie-root-port,target.chassis=8,target.port=0x18,
            target.hotplug=off --machine q35
        --controller num_pcie_root_ports=3 --machine q35
        --iommu intel,driver.intremap=on,driver.caching_mode=on,driver.iotlb=on --machine q35
            --features ioapic.driver=qemu
        --iommu virtio --machine q35
    """,
    "processors": """
        --cpu qemu64
        --cpu host-passthrough,migratable=on
        --cpu host-model
        --cpu Skylake-Client,+vmx,-svm,disable=avx
        --cpu Penryn,vendor=Intel,model.fallback=forbid,check=partial
        --cpu EPYC,require=svm,force=x2apic,optional=aes,forbid=tsc,match=strict
        --cpu maximum
        --cpu none
        --cpu host-passthrough,cache.mode=passthrough
        --cpu Broadwell,cache.mode=emulate,cache.level=3
        --vcpus 4,maxvcpus=8
        --vcpus 8,sockets=2,cores=2,threads=2
        --vcpus 4,sockets=1,dies=2,cores=2,threads=1
        --vcpus 2,cpuset=0-1,vcpu.placement=static
        --vcpus vcpu.current=2,maxvcpus=4,vcpus.vcpu0.id=0,vcpus.vcpu0.enabled=yes,
            vcpus.vcpu0.hotpluggable=no,vcpus.vcpu1.id=1,vcpus.vcpu1.enabled=yes,vcpus.vcpu2.id=2,
            vcpus.vcpu2.enabled=no,vcpus.vcpu3.id=3,vcpus.vcpu3.enabled=no
        --vcpus 2 --cputune vcpupin0.vcpu=0,vcpupin0.cpuset=0,vcpupin1.vcpu=1,vcpupin1.cpuset=1
        --vcpus 2 --cputune emulatorpin.cpuset=0-1
        --vcpus 2 --cputune shares=2048,period=100000,quota=-1
        --iothreads 2 --cputune iothreadpin0.iothread=1,iothreadpin0.cpuset=0
        --vcpus 4 --memory 256 --cpu qemu64,cell0.id=0,cell0.cpus=0-1,cell0.memory=131072,
            cell1.id=1,cell1.cpus=2-3,cell1.memory=131072
        --vcpus 2 --memory 128 --cpu numa.cell0.id=0,numa.cell0.cpus=0,numa.cell0.memory=65536,
            numa.cell0.distances.sibling0.id=0,numa.cell0.distances.sibling0.value=10,
            numa.cell0.distances.sibling1.id=1,numa.cell0.distances.sibling1.value=21,
            numa.cell1.id=1,numa.cell1.cpus=1,numa.cell1.memory=65536
        --vcpus 2 --memory 64 --cpu numa.cell0.cpus=0-1,numa.cell0.memory=65536,
            numa.cell0.memAccess=shared,numa.cell0.discard=yes
    """,
    "memory": """
        --memory 1024
        --memory 1024,currentMemory=512
        --memory 1024,maxmemory=2048
        --memory 512,maxMemory=4096,maxMemory.slots=16 --cpu cell0.cpus=0,cell0.memory=524288
        --memory 512,maxMemory=4096,maxMemory.slots=16 --cpu cell0.cpus=0,cell0.memory=524288
            --memdev dimm,target.size=256,target.node=0
        --memory 512,maxMemory=4096,maxMemory.slots=16 --cpu cell0.cpus=0,cell0.memory=524288
            --memdev dimm,access=private,discard=on,target.size=512,target.node=0,
            source.pagesize=4,source.nodemask=0
        --memory 512,maxMemory=4096,maxMemory.slots=16 --cpu cell0.cpus=0,cell0.memory=524288
            --memdev nvdimm,source.path=/tmp/nvdimm,target.size=512,target.node=0,
            target.label_size=128
        --memory 512,maxMemory=4096,maxMemory.slots=4 --cpu cell0.cpus=0,cell0.memory=524288
            --memdev virtio-mem,target.size=1024,target.requested=512,target.block=2,target.node=0
        --memory 512,maxMemory=4096,maxMemory.slots=2 --cpu cell0.cpus=0,cell0.memory=524288
            --memdev virtio-pmem,source.path=/tmp/pmem,target.size=512
        --memorybacking hugepages=on
        --memorybacking hugepages.page0.size=2,hugepages.page0.unit=M
        --memorybacking nosharepages=on,locked=on
        --memorybacking source.type=memfd,access.mode=shared
        --memorybacking source.type=file,allocation.mode=immediate
        --memorybacking discard=on,source.type=anonymous,allocation.threads=2
        --memtune hard_limit=4194304
        --memtune soft_limit=102400,hard_limit=204800,swap_hard_limit=409600
        --blkiotune weight=200
        --blkiotune weight=500,device0.path=/dev/sda,device0.weight=300
        --blkiotune device0.path=/dev/sda,device0.read_iops_sec=20000
        --numatune 0
        --numatune memory.mode=strict,memory.nodeset=0
        --numatune memory.mode=preferred,memory.placement=auto --vcpus 1,vcpu.placement=auto
    """,
    "settings": """
        --metadata title=a,description=b
        --metadata title=<&>'""'é漢,description=two\\ words
        --metadata genid_enable=on
        --metadata genid=e9392370-2917-565e-692b-d057f46512d6
        --features acpi=off,apic=off
        --features pae=on,hap=on
        --features vmcoreinfo.state=on,vmport.state=off,smm.state=on --machine q35
        --features hyperv.relaxed.state=on,hyperv.vapic.state=on,hyperv.spinlocks.state=on,
            hyperv.spinlocks.retries=8191
        --features kvm.hidden.state=on,pmu.state=off
        --features apic.eoi=on,pvspinlock.state=on,hyperv.synic.state=on,hyperv.reset.state=on
        --features ioapic.driver=qemu --machine q35
        --clock offset=localtime
        --clock offset=utc,hpet_present=no,rtc_tickpolicy=catchup,pit_tickpolicy=delay
        --clock offset=variable,xpath0.set=./@adjustment,xpath0.value=-3600
        --clock offset=timezone,xpath0.set=./@timezone,xpath0.value=Europe/Berlin
        --clock timer0.name=tsc,timer0.frequency=1000000000,timer0.mode=native
        --clock hypervclock_present=yes,kvmclock_present=no,tsc_present=no
        --clock timer0.name=rtc,timer0.tickpolicy=catchup,timer0.track=guest,
            timer0.catchup.limit=10,timer0.catchup.slew=120,timer0.catchup.threshold=123
        --events on_poweroff=destroy,on_reboot=destroy,on_crash=coredump-destroy
        --events on_lockfailure=poweroff
        --pm suspend_to_mem.enabled=on,suspend_to_disk.enabled=off
        --resource /machine/part
        --seclabel type=none
        --seclabel type=dynamic,model=dac,relabel=yes
        --seclabel type=static,model=dac,label=+0:+0,relabel=no
        --seclabel model=selinux,type=dynamic,baselabel=system_u:system_r:svirt_t:s0
        --seclabel type=none,model=selinux --seclabel type=none,model=dac
        --sysinfo emulate
        --sysinfo host
        --sysinfo smbios,bios.vendor=A\\ &\\ B,system.manufacturer=M,system.product=P,
            baseBoard.serial=1,chassis.asset=2
        --sysinfo smbios,oemStrings.entry0=<a>,oemStrings.entry1="b"
        --sysinfo fwcfg,entry0.name=opt/org/a,entry0=text,entry1.name=opt/org/b,entry1.file=/tmp/x
        --boot kernel=/vmlinuz,initrd=/initrd,cmdline="root=/dev/vda quiet console=ttyS0"
        --boot firmware=efi,firmware.feature0.name=secure-boot,firmware.feature0.enabled=no
            --machine q35
        --boot loader=/usr/share/ovmf/f.fd,loader.readonly=yes,loader.type=pflash,nvram=/tmp/n.fd,
            nvram.template=/tmp/t.fd
        --boot smbios.mode=host
        --boot acpi.table=/tmp/slic,acpi.table.type=slic
        --boot hd,cdrom,fd,network
        --boot bootmenu.enable=on,bootmenu.timeout=3000,bios.rebootTimeout=5
        --boot emulator=/usr/bin/qemu-system-x86_64
        --boot dtb=/tmp/d
        --boot machine=isapc --arch i686
        --arch i686
        --arch i686 --cpu pentium3 --network user
        --machine microvm
        --pxe --network user
        --cdrom /dev/null
        --install bootdev=network --network network=default
    """,
    "names of others": """
        --qemu-commandline="-newarg value"
        --qemu-commandline="-device x-balloon-allowed=on" --qemu-commandline env=A=B
        --qemu-commandline args="-set device.hostdev0.x-balloon-allowed=on"
        --qemu-commandline env=A='<>&'
        --xml xpath.set=./metadata/memballoon/@policy,xpath.value=mine
        --xml "xpath.set=./description,xpath.value=<memballoon policy='warn'/>"
        --xml "xpath.set=./title,xpath.value=<hostdev ballooning='on'>"
        --xml ./devices/emulator=/usr/bin/qemu-system-x86_64
        --xml ./@foo=bar --xml ./unknown/element=text
        --xml ./devices/memballoon/@unknown=value --memballoon virtio
        --xml ./devices/memballoon/driver/@iommu=on --xml ./devices/memballoon/@model=virtio
        --xml ./on_crash=preserve
        --xml xpath.create=./devices/hub --xml ./devices/hub/@type=usb
        --xml ./os/bios/@useserial=yes --xml ./os/smbios/@mode=sysinfo
        --xml xpath.delete=./devices/emulator
        --xml xpath.delete=./devices/memballoon
        --xml ./perf/event/@name=cmt --xml ./perf/event/@enabled=yes
        --xml ./keywrap/cipher/@name=aes --xml ./keywrap/cipher/@state=off
        --xml xpath.create=./devices/crypto
        --xml ./genid=
        --xml ./title=\u00e9\u4e2d\U0001f388
    """,
}


def hostdevs():
    """Assigned devices of all kinds, alone and together, with and without what users add."""
    mdevs = [MDEV.format("vfio-pci", MDEV_UUID.format(number)) for number in range(4)]
    pcis, usbs = [[kind.format(number) for number in range(1, 4)] for kind in (PCI, USB)]
    alone = [*mdevs[:2], *pcis[:2], *usbs[:2], SCSI.format(1),
             MDEV.format("vfio-ap", MDEV_UUID.format(9)),
             MDEV.format("vfio-ccw", MDEV_UUID.format(9))]
    display = ",xpath2.set=./@display,xpath2.value="
    added = {
        mdevs[0]: [",alias.name=ua-gpu", ",rom.bar=off", ",xpath2.set=./@managed,xpath2.value=no",
                   display + "off", display + "on --graphics vnc", display +
                   "on,xpath3.set=./@ramfb,xpath3.value=on --graphics spice",
                   ",address.type=pci,address.domain=0,address.bus=0,address.slot=7,"
                   "address.function=0", ",xpath2.set=./@ballooned,xpath2.value=on",
                   ",alias.name=ua-vb-by-hand", ",alias.name=hostdev7"],
        pcis[0]: [",alias.name=ua-nic", ",driver.name=vfio", ",rom.bar=on", ",boot.order=2",
                  ",xpath4.set=./@managed,xpath4.value=yes", ",xpath4.set=./teaming/@type,"
                  "xpath4.value=transient,xpath5.set=./teaming/@persistent,xpath5.value=ua-b"],
        usbs[0]: [",alias.name=ua-key", ",xpath2.set=./source/@startupPolicy,xpath2.value=optional",
                  ",xpath2.set=./source/address/@bus,xpath2.value=1,"
                  "xpath3.set=./source/address/@device,xpath3.value=2"],
    }
    lines = alone + [device + end for device, ends in added.items() for end in ends]
    lines += [" ".join(devices) for devices in (
        mdevs[:2], mdevs[:3], mdevs, pcis, usbs, [mdevs[0], pcis[0]], [pcis[0], mdevs[0]],
        [usbs[0], mdevs[1], SCSI.format(1)], [pcis[0], mdevs[2], usbs[1], mdevs[3]])]
    lines += [f"{line} --machine q35" for line in (*alone[:3], " ".join(mdevs[:2]))]
    gpu = mdevs[0] + ",alias.name=ua-gpu "
    lines += [gpu + OVERRIDE.format("ua-gpu"), gpu + OVERRIDE.format("ua-other"),
              gpu + OVERRIDE.format("ua-gpu") + " " + mdevs[1]]
    lines += [mdevs[0] + " --qemu-commandline=-S", mdevs[0] + " --memory 128,currentMemory=64",
              mdevs[0] + " --xml ./title=<hostdev>", mdevs[0] + " --memballoon none",
              mdevs[0] + " --graphics vnc,listen=none",
              "--controller usb3 " + mdevs[0] + " --sound ich9 --tpm default --machine q35"]
    return lines


def guests(names):
    """Operating systems all over libosinfo's list, each as virt-install would have it."""
    step = max(1, len(names) // GUESTS)
    return [f"--osinfo {name} --memory {memory} --network user --graphics {screen}"
            " --disk /var/tmp/g.qcow2,size=1" + (" --boot firmware=efi" if number % 5 == 0 else "")
            for number, (name, memory, screen) in enumerate(zip(
                names[::step], itertools.cycle([512, 1024, 4096]), itertools.cycle(
                    ["vnc", "spice", "none"])))]


def mixes(families):
    """Several options that do not know of each other."""
    pick = random.Random(4)
    lines = [line for family in families.values() for line in family
             if "xpath.delete" not in line and "--arch" not in line]
    mixed = []
    while len(mixed) < MIXES:
        chosen = " ".join(pick.sample(lines, pick.randint(2, 6)))
        words = [word for word in shlex.split(chosen) if word in (
            "--memory", "--machine", "--osinfo", "--vcpus", "--cpu", "--boot", "--pxe", "--cdrom")]
        if len(set(words)) == len(words):
            mixed.append(chosen)
    return mixed


def option_lines(names, driver):
    """All option lines by family; for the test driver, which has no machines, half of them."""
    families = {family: CONTINUED.sub(r"\1", text).rstrip().split("\n        ")[1:]
                for family, text in FAMILIES.items()}
    families["hostdevs"] = hostdevs()
    families["mixes"] = mixes(families)
    families["machines"] = [f"--machine {machine} {firmware}"
                            for machine in MACHINES for firmware in FIRMWARES]
    families["guests"] = guests(names)
    if driver == "test":
        families = {family: [line for line in lines if not NOT_FOR_TEST & {*line.split()}][::2]
                    for family, lines in families.items()}
    return families


def run_virt_install(main, connection, driver, line):
    """The documents that virt-install prints for a line: one for each step of an installation."""
    words = shlex.split(line)
    given = {word.split("=")[0] for word in words}
    for option, value in (DEFAULTS | {"--virt-type": driver}).items():
        if option not in given:
            words += [option, value]
    if not given & INSTALLATIONS:
        words.append("--import")
    sys.argv = ["virt-install", "--name", "guest", "--print-xml", *words]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            main(conn=connection)
        except SystemExit as error:
            raise ValueError(f"virt-install does not take: {line}") from error
    return re.findall(r"(?s)<domain .*?</domain>\n", printed.getvalue())


def anonymous(text):
    """A document without what is different each time it is made, which makes it no other one."""
    return ANONYMOUS.sub("", text)


def different(made, seen):
    """The documents that are not in a set yet, to which they are added."""
    new = {anonymous(text): text for text in made if anonymous(text) not in seen}
    seen.update(new)
    return list(new.values())


def main():
    """Prints the documents by family."""
    sys.path.insert(0, "/usr/share/virt-manager")
    from virtinst import cli, osdict, virtinstall  # which is where no other program finds it
    uri, driver = sys.argv[1:]
    random.seed(driver)
    connection = cli.getConnection(uri)
    names = sorted(os.name for os in osdict.OSDB.list_os())
    seen = set()
    made = {}
    for family, lines in option_lines(names, driver).items():
        made[family] = different([document for line in lines for document in run_virt_install(
            virtinstall.main, connection, driver, line)], seen)
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()
